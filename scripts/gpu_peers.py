"""Rows of scripts/gpu-check: the same network in ONNX Runtime's CUDA provider and in PyTorch,
with copies to and from the card, for 1, 4 and 16 faces.

python3 gpu_peers.py MODEL; says in its row what is not installed."""

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
    print(f"| {name} | " + " | ".join(f"{t:.3f}" for t in times) + " | - |", flush=True)


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


def pytorch(_):
    import torch

    if not torch.cuda.is_available():
        raise RuntimeError("PyTorch finds no card")

    def layer(inputs, outputs, kernel, stride, groups=1):
        convolution = torch.nn.Conv2d(
            inputs, outputs, kernel, stride, kernel // 2, groups=groups
        )
        return [convolution, torch.nn.ReLU6(inplace=True)]

    # MobileNet V1 with batch norm folded. Weights make no difference to the time.
    layers, width = layer(1, 32, 3, 2), 32
    plan = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
    for outputs, stride in [*plan, *[(512, 1)] * 5, (1024, 2), (1024, 1)]:
        layers += layer(width, width, 3, stride, width) + layer(width, outputs, 1, 1)
        width = outputs
    head = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(width, 7)]
    for name, kind in (("fp32", torch.float32), ("fp16", torch.float16)):
        network = torch.nn.Sequential(*layers, *head).eval().to("cuda", kind)
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
        print(f"| {name} | not measured: {reason} | | | |", flush=True)
