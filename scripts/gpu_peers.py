"""Rows of scripts/gpu-check: the same file in ONNX Runtime's CUDA provider and in PyTorch,
with copies to and from the card, for 1, 4 and 16 faces.

python3 gpu_peers.py MODEL; says in its row what is not installed (numpy, onnxruntime-gpu; onnx and
torch)."""

import sys
import time

BATCHES = (1, 4, 16)
SECONDS = 1.5


def median_ms(call):
    """Median milliseconds of one call, after some that warm up."""
    for _ in range(10):
        call()
    times, end = [], time.perf_counter() + SECONDS
    while len(times) < 5 or time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return sorted(times)[len(times) // 2] * 1e3


def row(name, times):
    print(f"| bundled | {name} | " + " | ".join(f"{t:.3f}" for t in times) + " | - |", flush=True)


def onnxruntime_cuda(model):
    import numpy as np
    import onnxruntime as ort

    session = ort.InferenceSession(model, providers=["CUDAExecutionProvider"])
    if session.get_providers()[0] != "CUDAExecutionProvider":
        raise RuntimeError("ONNX Runtime has no working CUDA provider")
    name = session.get_inputs()[0].name
    times = []
    for n in BATCHES:
        faces = np.zeros((n, 1, 48, 48), np.float32)
        times.append(median_ms(lambda: session.run(None, {name: faces})))
    row(f"ONNX Runtime {ort.__version__}, CUDA, Python", times)


def network_of(model, torch):
    """The network in the ONNX file as PyTorch has it, weights and all."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(model).graph
    # As lists, so that any version of numpy does.
    constants = {
        c.name: torch.tensor(numpy_helper.to_array(c).tolist(), dtype=torch.float32)
        for c in graph.initializer
    }
    layers = []
    for node in graph.node:
        given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        weights = [constants[name] for name in node.input[1:] if name in constants]
        if node.op_type == "Cast":
            constants[node.output[0]] = constants[node.input[0]]
        elif node.op_type == "Conv":
            top, left, bottom, right = given["pads"]
            outputs, inputs, *kernel = weights[0].shape
            groups = given.get("group", 1)
            layer = torch.nn.Conv2d(inputs * groups, outputs, kernel, given["strides"], groups=groups)
            layer.weight.data, layer.bias.data = weights
            layers += [torch.nn.ZeroPad2d((left, right, top, bottom)), layer]
        elif node.op_type == "Clip":
            layers.append(torch.nn.ReLU6(inplace=True))
        elif node.op_type == "GlobalAveragePool":
            layers.append(torch.nn.AdaptiveAvgPool2d(1))
        elif node.op_type == "Flatten":
            layers.append(torch.nn.Flatten())
        elif node.op_type == "Gemm":
            if not given.get("transB"):
                weights[0] = weights[0].T
            layer = torch.nn.Linear(weights[0].shape[1], weights[0].shape[0])
            layer.weight.data, layer.bias.data = weights[0].contiguous(), weights[1]
            layers.append(layer)
        else:
            raise RuntimeError(f"{node.op_type} is not known here")
    return torch.nn.Sequential(*layers).eval()


def pytorch(model):
    import torch

    if not torch.cuda.is_available():
        raise RuntimeError("PyTorch finds no card")
    for name, kind in (("fp32", torch.float32), ("fp16", torch.float16)):
        network = network_of(model, torch).to("cuda", kind)
        times = []
        for n in BATCHES:
            faces = torch.zeros(n, 1, 48, 48, dtype=kind).pin_memory()
            with torch.inference_mode():
                times.append(median_ms(lambda: network(faces.cuda(non_blocking=True)).cpu()))
        row(f"PyTorch {torch.__version__} {name}, Python", times)


for name, peer in (("ONNX Runtime, CUDA, Python", onnxruntime_cuda), ("PyTorch, Python", pytorch)):
    try:
        peer(sys.argv[1])
    except Exception as why:
        reason = (str(why).splitlines() or [type(why).__name__])[0]
        print(f"| bundled | {name} | not measured: {reason} | | | |", flush=True)
