"""The bench's peer: MobileNet V1 for 48x48 grey pictures trained by PyTorch.

Prints its version, and pictures a second for each way to train, by the clock and by processor
time, a line each. Pictures are noise that lies ready in memory:
no augmentation, no center loss, no average of the weights, all of which fer-trainer does.
"""

import sys
import time

import torch
from torch import nn

BLOCKS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
BLOCKS += [(512, 1)] * 5 + [(1024, 2), (1024, 1)]


def layer(inputs, outputs, size, stride, groups=1):
    convolution = nn.Conv2d(
        inputs, outputs, size, stride, size // 2, groups=groups, bias=False
    )
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU6(inplace=True)]


def network(classes, stem_stride):
    layers, inputs = layer(1, 32, 3, stem_stride), 32
    for outputs, stride in BLOCKS:
        layers += layer(inputs, inputs, 3, stride, groups=inputs)
        layers += layer(inputs, outputs, 1, 1)
        inputs = outputs
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes)
    )


def rate(stem_stride, batch, seconds, memory_format, compiled, bf16):
    torch.manual_seed(1)
    net = network(7, stem_stride).to(memory_format=memory_format)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    x = torch.randn(batch, 1, 48, 48).to(memory_format=memory_format)
    y = torch.randint(0, 7, (batch,))
    forward = torch.compile(net) if compiled else net
    steps = -3
    while True:
        now = time.perf_counter(), time.process_time()
        if steps == 0:
            begin = now
        if steps > 0 and now[0] - begin[0] > seconds:
            return [steps * batch / (now[i] - begin[i]) for i in range(2)]
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            loss = nn.functional.cross_entropy(forward(x), y)
        loss.backward()
        optimizer.step()
        steps += 1


stem_stride, threads, batch, seconds = (int(value) for value in sys.argv[1:])
torch.set_num_threads(threads)
print(torch.__version__)
for bf16 in [False, True]:
    # PyTorch 1 has no compiler.
    for compiled in [False, True] if hasattr(torch, "compile") else [False]:
        for memory_format in [torch.contiguous_format, torch.channels_last]:
            name = [
                "compiled" if compiled else "eager",
                "channels last" if memory_format == torch.channels_last else "",
                "bf16 autocast" if bf16 else "",
            ]
            name = ", ".join(part for part in name if part)
            way = (memory_format, compiled, bf16)
            rates = rate(stem_stride, batch, seconds, *way)
            print(name, *rates, sep="\t", flush=True)
