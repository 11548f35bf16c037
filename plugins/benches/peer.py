"""The same job as a script does it: OpenCV's Haar cascade on every frame at half size and
ONNX Runtime on every face, both on one thread.

python3 peer.py MODEL FRAMES WIDTH HEIGHT WARM COUNT; FRAMES is a file of I420 frames that are
shown again and again. Prints CPU and wall time in ms a frame and faces a frame, without the
first WARM frames. Needs opencv-python 4 (5 has no Haar cascades) and onnxruntime."""

import glob
import sys
import time

import cv2
import numpy as np
import onnxruntime

cv2.setNumThreads(1)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options)
folders = ["/usr/share/opencv4/haarcascades", cv2.data.haarcascades]
path = next(p for f in folders for p in glob.glob(f + "/haarcascade_frontalface_alt2.xml"))
cascade = cv2.CascadeClassifier(path)
width, height, warm, count = map(int, sys.argv[3:7])
clip = np.fromfile(sys.argv[2], np.uint8).reshape(-1, height * 3 // 2, width)
found = 0
for i in range(warm + count):
    if i == warm:
        cpu, wall, found = time.process_time(), time.perf_counter(), 0
    gray = clip[i % len(clip)][:height]
    half = cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    side = half.shape[0] // 8
    faces = []
    for x, y, w, h in cascade.detectMultiScale(half, 1.2, 3, minSize=(side, side)):
        crop = gray[2 * y : 2 * (y + h), 2 * x : 2 * (x + w)]
        faces.append(cv2.resize(crop, (48, 48), interpolation=cv2.INTER_AREA))
    found += len(faces)
    if faces:
        batch = np.stack(faces)[:, None].astype(np.float32) / 127.5 - 1
        session.run(None, {"input": batch})
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
print(1000 * cpu / count, 1000 * wall / count, found / count)
