"""A network in ONNX Runtime, as Triton's Python backend runs it."""

import os
import pathlib
import sys

# Nor does it look at PYTHONDONTWRITEBYTECODE.
sys.dont_write_bytecode = True
sys.path[:0] = os.environ["FER_TEST_PATH"].split(os.pathsep)

import numpy
import triton_python_backend_utils as triton

from network import Network

PATH = str(pathlib.Path(__file__).with_name("model.onnx"))


class TritonPythonModel:
    @staticmethod
    def auto_complete_config(config):
        # What config.pbtxt says has to agree with it.
        network = Network(PATH)
        config.set_max_batch_size(config.as_dict()["max_batch_size"] or 64)
        for tensors, add in [(network.inputs(), config.add_input),
                             (network.outputs(), config.add_output)]:
            for tensor in tensors:
                add({"name": tensor["name"], "data_type": f"TYPE_{tensor['datatype']}",
                     "dims": tensor["shape"][1:]})
        return config

    def initialize(self, _):
        self.network = Network(PATH)

    def execute(self, requests):
        source, = (tensor["name"] for tensor in self.network.inputs())
        target = self.network.outputs()[0]["name"]
        faces = [triton.get_input_tensor_by_name(request, source).as_numpy() for request in requests]
        values = self.network.run(numpy.concatenate(faces))
        answers = numpy.split(values, numpy.cumsum([len(own) for own in faces])[:-1])
        return [triton.InferenceResponse([triton.Tensor(target, own)]) for own in answers]
