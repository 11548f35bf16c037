"""The same job as a script does it: OpenCV's Haar cascade on every frame at half size and
ONNX Runtime on every face, both on one thread.

python3 peer.py CLIP MODEL; needs opencv-python and onnxruntime."""

import glob
import sys

import cv2
import numpy as np
import onnxruntime

cv2.setNumThreads(1)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[2], options)
folders = ["/usr/share/opencv4/haarcascades", cv2.data.haarcascades]
path = next(p for f in folders for p in glob.glob(f + "/haarcascade_frontalface_alt2.xml"))
cascade = cv2.CascadeClassifier(path)
clip = cv2.VideoCapture(sys.argv[1])
while True:
    there, frame = clip.read()
    if not there:
        break
    gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    half = cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    side = half.shape[0] // 8
    faces = []
    for x, y, w, h in cascade.detectMultiScale(half, 1.2, 3, minSize=(side, side)):
        crop = gray[2 * y : 2 * (y + h), 2 * x : 2 * (x + w)]
        faces.append(cv2.resize(crop, (48, 48), interpolation=cv2.INTER_AREA))
    if faces:
        batch = np.stack(faces)[:, None].astype(np.float32) / 127.5 - 1
        session.run(None, {"input": batch})
