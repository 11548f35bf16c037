"""MLServer with one network: with_mlserver.py MODEL NAME PORT."""

import json
import os
import pathlib
import sys

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse

from network import Network


class Faces(MLModel):
    async def load(self):
        self.network = Network(self.settings.parameters.uri)
        return True

    async def predict(self, payload):
        faces = NumpyCodec.decode_input(payload.inputs[0])
        values = self.network.run(faces)
        output = NumpyCodec.encode_output(self.network.outputs()[0]["name"], values)
        return InferenceResponse(model_name=self.name, outputs=[output])


if __name__ == "__main__":
    path, name, port = sys.argv[1:]
    repository = pathlib.Path(os.environ["FER_TEST_FOLDER"]) / "repository"
    repository.mkdir(exist_ok=True)
    network = Network(path)
    (repository / "model-settings.json").write_text(json.dumps({
        "name": name,
        "implementation": "with_mlserver.Faces",
        "inputs": network.inputs(),
        "outputs": network.outputs(),
        "parameters": {"uri": path},
    }))
    # The server's other ports are not used, and not taken from those beside it.
    (repository / "settings.json").write_text(json.dumps({
        "host": "127.0.0.1",
        "grpc_port": int(port),
        "http_port": int(os.environ["FER_TEST_SPARE_PORT"]),
        "metrics_endpoint": None,
        "parallel_workers": 0,
        "debug": False,
    }))
    os.environ["PYTHONPATH"] = str(pathlib.Path(__file__).parent)
    os.execv(pathlib.Path(sys.executable).with_name("mlserver"),
             ["mlserver", "start", str(repository)])
