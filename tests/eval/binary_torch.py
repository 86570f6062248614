"""Random binary nets in PyTorch, each with a net file, its weights, and images whose labels are what
PyTorch answers: for binary.py, which evaluates them again.

binary_torch.py DOCS_FOLDER OUT_FOLDER
"""
import pathlib
import struct
import sys

sys.path.insert(0, sys.argv[1])
import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from export_binary import BinaryConv2d, BinaryLinear, Sign, save  # noqa: E402

IMAGES = 200
HEAD = """name: torch
input: {channels: 1, height: 28, width: 28}
classes: 10
default_form: binary
activations: plus_minus_one
encoder: sign
"""


class Padded(nn.Module):
    """A convolution of a map with `value` around it."""

    def __init__(self, conv, pad, value):
        super().__init__()
        self.conv, self.pad, self.value = conv, pad, value

    def forward(self, x):
        return self.conv(functional.pad(x, (self.pad,) * 4, value=self.value))


class Chain(nn.Module):
    """Convolutions with and without bias and batch-norm, then a linear layer with a bias."""

    yaml = """layers:
  - {name: conv1, kind: conv, out: 8, kernel: 3, pad: 1}
  - {name: conv2, kind: conv, out: 12, kernel: 5, stride: 2, pad: 2, bias: true}
  - {name: conv3, kind: conv, out: 6, kernel: 3, bn: false, bias: true}
  - {name: fc, kind: linear, out: 10, bias: true}
"""

    def __init__(self, value):
        super().__init__()
        self.conv1, self.bn1 = BinaryConv2d(1, 8, 3, bias=False), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = BinaryConv2d(8, 12, 5, stride=2), nn.BatchNorm2d(12)
        self.conv3 = BinaryConv2d(12, 6, 3)
        self.fc = BinaryLinear(6 * 12 * 12, 10)
        self.value = value

    def forward(self, x):
        x = Sign.apply(self.bn1(Padded(self.conv1, 1, self.value)(Sign.apply(x))))
        x = Sign.apply(self.bn2(Padded(self.conv2, 2, self.value)(x)))
        return self.fc(Sign.apply(self.conv3(x)).flatten(1))


class Block(nn.Module):
    """A residual block of real values, PyTorch's own padding, a batch-norm behind the last layer."""

    yaml = """add: after_bn
residual_bits: 32
residual_frac: 20
layers:
  - {name: conv1, kind: conv, out: 8, kernel: 3, stride: 2, pad: 1}
  - {name: layer1.0.conv1, kind: conv, out: 8, kernel: 3, pad: 1}
  - {name: add, kind: add, shortcut: conv1}
  - {name: fc, kind: linear, out: 10, bn: true}
"""

    def __init__(self, value):
        super().__init__()
        del value
        self.conv1 = BinaryConv2d(1, 8, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.layer1 = nn.Sequential(nn.Module())
        self.layer1[0].conv1 = BinaryConv2d(8, 8, 3, padding=1, bias=False)
        self.layer1[0].bn1 = nn.BatchNorm2d(8)
        self.fc, self.fc_bn = BinaryLinear(8 * 14 * 14, 10, bias=False), nn.BatchNorm1d(10)

    def forward(self, x):
        x = self.bn1(self.conv1(Sign.apply(x)))
        block = self.layer1[0]
        x = x + block.bn1(block.conv1(Sign.apply(x)))
        return self.fc_bn(self.fc(Sign.apply(x).flatten(1)))


class Alpha(Chain):
    """XNOR-Net's weights: signs, and a scale for every output channel."""

    def __init__(self, value):
        super().__init__(value)
        self.scales = {}
        for name in "conv1", "conv2", "conv3", "fc":
            self.scales[name] = (torch.rand(getattr(self, name).weight.shape[0]) + 0.125).float()

    def forward(self, x):
        def scaled(name, x):
            layer, alpha = getattr(self, name), self.scales[name].double()
            sign = torch.where(layer.weight >= 0, 1.0, -1.0).double()
            sign = sign * alpha.reshape([-1] + [1] * (sign.dim() - 1))
            if name == "fc":
                return functional.linear(x, sign, layer.bias)
            return functional.conv2d(x, sign, layer.bias, layer.stride)

        def padded(x, pad):
            return functional.pad(x, (pad,) * 4, value=self.value)

        x = Sign.apply(self.bn1(scaled("conv1", padded(Sign.apply(x), 1))))
        x = Sign.apply(self.bn2(scaled("conv2", padded(x, 2))))
        return scaled("fc", Sign.apply(scaled("conv3", x)).flatten(1))

    def stored(self):
        state = self.state_dict()
        for name, alpha in self.scales.items():
            weight = state[f"{name}.weight"]
            state[f"{name}.weight"] = torch.where(weight >= 0, 1.0, -1.0)
            state[f"{name}.alpha"] = alpha.reshape([-1] + [1] * (weight.dim() - 1))
        return state


def write_images(folder, pixels, labels):
    with open(folder / "t10k-images-idx3-ubyte", "wb") as file:
        file.write(struct.pack(">4I", 0x803, len(labels), 28, 28) + pixels.numpy().tobytes())
    with open(folder / "t10k-labels-idx1-ubyte", "wb") as file:
        file.write(struct.pack(">2I", 0x801, len(labels)) + bytes(labels))


def make(folder, kind, pad_value):
    names = {0.0: "zero", -1.0: "minus_one", 1.0: "plus_one"}
    folder.mkdir()
    net = kind(pad_value).double()
    for norm in net.modules():
        if isinstance(norm, (nn.BatchNorm1d, nn.BatchNorm2d)):
            norm.momentum = None
            nn.init.normal_(norm.weight)
            nn.init.normal_(norm.bias)
    pixels = torch.randint(0, 256, (IMAGES, 28, 28), dtype=torch.uint8)
    # Patches of one value, so that images differ in more than noise.
    for image in pixels[::2]:
        y, x = torch.randint(0, 14, (2,)).tolist()
        image[y:y + 14, x:x + 14] = int(torch.randint(0, 256, (1,)))
    inputs = pixels.double().reshape(IMAGES, 1, 28, 28) / 255 * 2 - 1
    with torch.no_grad():
        net.train()(inputs)
        # What the file holds, in single precision, is the net.
        net.float().double().eval()
        logits = net(inputs)
    write_images(folder, pixels, logits.argmax(1).tolist())
    (folder / "net.yaml").write_text(HEAD + f"pad_value: {names[pad_value]}\n" + kind.yaml)
    state = net.stored() if kind is Alpha else net.state_dict()
    save({name.replace("fc_bn.", "fc.bn."): t for name, t in state.items()},
         folder / "net.safetensors")


def main():
    torch.manual_seed(3)
    torch.set_default_dtype(torch.float64)
    out = pathlib.Path(sys.argv[2])
    for kind, values in ((Chain, (0.0, -1.0, 1.0)), (Block, (0.0,)), (Alpha, (0.0, 1.0))):
        for value in values:
            make(out / f"{kind.__name__.lower()}{value:+.0f}", kind, value)


main()
