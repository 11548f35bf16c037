"""KServe's server with one network: with_kserve.py MODEL NAME PORT. Answers in 64-bit floats, and
typed, where FER_TEST_TYPED is set."""

import os
import sys

import numpy
from kserve import InferOutput, InferResponse, Model, ModelServer

from network import Network

path, name, port = sys.argv[1:]


class Faces(Model):
    def __init__(self):
        super().__init__(name)
        self.ready = self.load()

    def load(self):
        self.network = Network(path)
        return True

    def get_input_types(self):
        return self.network.inputs()

    def get_output_types(self):
        return self.network.outputs()

    def predict(self, payload, headers=None, response_headers=None):
        self.network.note("authorization", (headers or {}).get("authorization", "none"))
        values = self.network.run(payload.inputs[0].as_numpy())
        typed = "FER_TEST_TYPED" in os.environ
        if typed:
            values = values.astype(numpy.float64)
        output = InferOutput(self.network.outputs()[0]["name"], values.shape, "FP64" if typed else "FP32")
        output.set_data_from_numpy(values, binary_data=not typed)
        return InferResponse(payload.id, name, [output])


# The server's other port is not used; 0 is any.
ModelServer(http_port=0, grpc_port=int(port), grace_period=1).start([Faces()])
