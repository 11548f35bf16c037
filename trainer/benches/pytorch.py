"""The bench's peer: MobileNet V1 for 48x48 grey pictures trained by PyTorch.

Prints pictures a second for each memory format. Pictures are noise that lies ready in memory:
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


def rate(memory_format, stem_stride, batch, seconds):
    torch.manual_seed(1)
    net = network(7, stem_stride).to(memory_format=memory_format)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    x = torch.randn(batch, 1, 48, 48).to(memory_format=memory_format)
    y = torch.randint(0, 7, (batch,))
    steps = -3
    while True:
        if steps == 0:
            begin = time.perf_counter()
        if steps > 0 and time.perf_counter() - begin > seconds:
            return steps * batch / (time.perf_counter() - begin)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
        steps += 1


stem_stride, threads, batch, seconds = (int(value) for value in sys.argv[1:])
torch.set_num_threads(threads)
print(torch.__version__)
for memory_format in [torch.contiguous_format, torch.channels_last]:
    print(rate(memory_format, stem_stride, batch, seconds))
