"""Writes a binary PyTorch net's weights for bitline: save(model.state_dict(), "net.safetensors").

The layers below are what bitline computes with activations: plus_minus_one. Names in the net file
are those of the modules; docs/binary-networks.md says the rest.
"""
import json
import struct

import torch
from torch import nn
from torch.nn import functional


class Sign(torch.autograd.Function):
    """+1 where x >= 0, else -1; straight through where |x| <= 1. (torch.sign(0) is 0: not this.)"""

    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)

    @staticmethod
    def backward(context, gradient):
        return gradient * (context.saved_tensors[0].abs() <= 1)


def binary(weight):
    """sign(w) times the layer's mean |w|."""
    return weight + (Sign.apply(weight) * weight.abs().mean() - weight).detach()


class BinaryConv2d(nn.Conv2d):
    def forward(self, x):  # x: -1 and +1, padded with zeros
        return self._conv_forward(x, binary(self.weight), self.bias)


class BinaryLinear(nn.Linear):
    def forward(self, x):
        return functional.linear(x, binary(self.weight), self.bias)


def save(state, path, bn_eps=1e-5):
    header, data = {"__metadata__": {"bn_eps": repr(bn_eps)}}, b""
    for name, tensor in state.items():
        values = tensor.detach().float().flatten().tolist()
        begin, data = len(data), data + struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": list(tensor.shape),
                        "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
