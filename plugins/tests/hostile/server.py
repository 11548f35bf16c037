"""A server of the Open Inference Protocol that means ill: server.py MODE FOLDER. It writes its port
into the file `port` there, takes any number of faces and gives seven values for each, but for what
MODE says. With a file `on` in FOLDER it begins with what a mode does after the start."""

import pathlib
import struct
import sys
import time
from concurrent import futures

import grpc
from kserve.protocol.grpc import grpc_predict_v2_pb2 as messages
from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc as service

mode, folder = sys.argv[1:]
LABELS = 7
HOUR = 3600


def is_on():
    return (pathlib.Path(folder) / "on").exists()


class Server(service.GRPCInferenceServiceServicer):
    def ServerLive(self, request, context):
        return messages.ServerLiveResponse(live=True)

    def ModelReady(self, request, context):
        if mode == "internal":
            context.abort(grpc.StatusCode.INTERNAL, "out\nof order" * 1000)
        if mode == "unknown":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such model")
        if mode == "denied":
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "not for you")
        return messages.ModelReadyResponse(ready=True)

    def ModelMetadata(self, request, context):
        if mode == "hanging":
            time.sleep(HOUR)
        answer = messages.ModelMetadataResponse(name=request.name, platform="two\nlines" * 1000)
        faces = {"huge": 10**9, "overflowing": 2**63 - 1, "negative": -2}.get(mode, -1)
        answer.inputs.add(name="x", datatype="FP32", shape=[faces, 1, 48, 48])
        answer.outputs.add(name="y\n" * 1000, datatype="FP32", shape=[-1, LABELS])
        return answer

    def ModelInfer(self, request, context):
        faces = request.inputs[0].shape[0]
        if mode == "at most 4" and faces > 4:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "max_batch_size is 4")
        if mode == "silent" and is_on():
            time.sleep(HOUR)
        values = [0.1 * i for i in range(LABELS)] * faces
        if mode == "lengths" or mode == "other lengths" and is_on():
            values.append(0.0)
        if mode == "nan" or mode == "later nan" and is_on():
            values[-1] = float("nan")
        answer = messages.ModelInferResponse(model_name=request.model_name)
        answer.outputs.add(name="y", datatype="FP32", shape=[faces, LABELS])
        answer.raw_output_contents.append(struct.pack(f"<{len(values)}f", *values))
        return answer


# Ports that are shared would have others' requests come here.
server = grpc.server(futures.ThreadPoolExecutor(64), options=[("grpc.so_reuseport", 0)])
service.add_GRPCInferenceServiceServicer_to_server(Server(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
written = pathlib.Path(folder) / "port.new"
written.write_text(str(port))
written.rename(written.with_suffix(""))
time.sleep(HOUR)
