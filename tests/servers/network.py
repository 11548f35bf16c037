"""A network in ONNX Runtime, for servers of the Open Inference Protocol in tests."""

import os
import pathlib
import time

import numpy
import onnxruntime

NAMES = {"tensor(float)": "FP32", "tensor(double)": "FP64", "tensor(uint8)": "UINT8"}


class Network:
    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        # What tests change while the server runs, and what it counts.
        self.folder = pathlib.Path(os.environ["FER_TEST_FOLDER"])

    def describe(self, tensors):
        open_size = lambda size: size if isinstance(size, int) else -1
        return [{"name": tensor.name, "datatype": NAMES[tensor.type],
                 "shape": [open_size(size) for size in tensor.shape]} for tensor in tensors]

    def inputs(self):
        return self.describe(self.session.get_inputs())

    def outputs(self):
        return self.describe(self.session.get_outputs())

    def note(self, file, line):
        with open(self.folder / file, "a") as notes:
            notes.write(f"{line}\n")

    def run(self, faces):
        """What the network gives for `faces`, as late as the file `delay` (ms) says."""
        self.note("batches", len(faces))
        delay = self.folder / "delay"
        if delay.exists():
            time.sleep(int(delay.read_text()) / 1000)
        tensor = self.session.get_inputs()[0]
        return self.session.run(None, {tensor.name: numpy.asarray(faces)})[0]
