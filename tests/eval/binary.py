"""Binary nets of other frameworks: their answers, image by image, as programs of their own have
them.

binary.py BITLINE SUPPORT_FOLDER SHARED_FOLDER DOCS_FOLDER

QONNX's TFC needs SHARED_FOLDER, the nets of PyTorch a Python that has it; what is not there is
skipped.
"""
import functools
import gzip
import json
import pathlib
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, sys.argv[2])
from support import Bitline, expect, in_folder, run_tests  # noqa: E402
from onnx_tensors import onnx_floats, write_safetensors  # noqa: E402

SHARED = pathlib.Path(sys.argv[3])
TFC = SHARED / "cases/qonnx-TFC_1W1A.onnx"
HERE = pathlib.Path(__file__).resolve().parent
LOSSLESS = "adc={preset: none, bits: 20, time: 1 ns, energy: 1 pJ, area: 1 um2}"
# The tensors of the graph's four layers: weights, batch-norm.
TFC_LAYERS = ("38", "features.3"), ("46", "features.7"), ("54", "features.11"), ("62", "features.15")
TFC_NET = """name: tfc
input: {channels: 1, height: 28, width: 28}
classes: 10
default_form: binary
activations: plus_minus_one
encoder: sign
layers:
  - {name: fc1, kind: linear, out: 64, bn: true}
  - {name: fc2, kind: linear, out: 64, bn: true}
  - {name: fc3, kind: linear, out: 64, bn: true}
  - {name: fc4, kind: linear, out: 10, bn: true}
"""
EPS = 1e-5
RIGHT = 9296  # of 10,000, by answer_all(); the model zoo's page says 93.17 %


def evaluate(bitline, folder, chip, *args):
    done = bitline.run("eval", chip, "./net.yaml", "--weights", "net.safetensors", "--data",
                       "mnist:.", "--json", *args, cwd=folder)
    expect(done.returncode == 0, f"{folder.name} {chip} {args}: {done.stderr.decode()}")
    return json.loads(done.stdout)


def expect_all_right(bitline, folder):
    """Labels are the answers of the other program: all must be right, on every way."""
    for chip, args in (("ideal", ["--reference", "float"]), ("ideal", ["--jobs", "2"]),
                       ("ideal", ["--jobs", "7"]), ("hawis", ["--set", LOSSLESS]),
                       ("hawis-q8", ["--set", LOSSLESS])):
        got = evaluate(bitline, folder, chip, *args)
        expect(got["accuracy"] == 1 and got["differ"] == 0, f"{folder.name} {chip} {args}: {got}")


# --- TFC by bits: a vector of -1 and +1 is a number whose bits are set where it is +1 ---

def bits_of(values):
    return functools.reduce(lambda bits, value: bits << 1 | (value >= 0), values, 0)


def norm_of(tensors, name):
    gamma, beta, mean = (tensors[f"{name}.{part}"][1]
                         for part in ("weight", "bias", "running_mean"))
    var = [v + EPS for v in tensors[f"{name}.running_var"][1]]
    return [(g / v ** 0.5, m, b) for g, b, m, v in zip(gamma, beta, mean, var)]


def read_tfc():
    """Per layer the rows of its weights as bits, their length, and batch-norm's (scale, mean,
    shift) per row; and the same as tensors for bitline."""
    tensors = onnx_floats(TFC)
    # The last layer's norm is one of the whole map; its variance has epsilon in it.
    tensors["features.15.running_var"] = [1], [tensors["76"][1][0] - EPS]
    layers, stored = [], {}
    for number, (weights, norm) in enumerate(TFC_LAYERS, 1):
        (outputs, inputs), values = tensors[weights]
        rows = [bits_of(values[i * inputs:(i + 1) * inputs]) for i in range(outputs)]
        stored[f"fc{number}.weight"] = (outputs, inputs), values
        for part in "weight", "bias", "running_mean", "running_var":
            name = f"{norm}.{part}"
            tensors[name] = [outputs], (list(tensors[name][1]) * outputs)[:outputs]
            stored[f"fc{number}.bn.{part}"] = tensors[name]
        layers.append((rows, inputs, norm_of(tensors, norm)))
    return layers, stored


def answer(layers, image):
    values = [2 * pixel / 255 - 1 for pixel in image]
    for rows, inputs, norm in layers:
        x = bits_of(values)
        sums = [inputs - 2 * (x ^ row).bit_count() for row in rows]
        values = [(s - mean) * scale + shift for s, (scale, mean, shift) in zip(sums, norm)]
    return values.index(max(values))


def tfc_is_its_graph(bitline, folder):
    """Brevitas' TFC_1W1A, as QONNX has it."""
    for part in "images-idx3-ubyte", "labels-idx1-ubyte":
        with gzip.open(SHARED / f"data/mnist/t10k-{part}.gz") as packed:
            with open(folder / f"t10k-{part}", "wb") as out:
                shutil.copyfileobj(packed, out)
    layers, stored = read_tfc()
    (folder / "net.yaml").write_text(TFC_NET)
    write_safetensors(folder / "net.safetensors", stored)
    pixels = (folder / "t10k-images-idx3-ubyte").read_bytes()[16:]
    labels = (folder / "t10k-labels-idx1-ubyte").read_bytes()[8:]
    answers = [answer(layers, pixels[i * 784:(i + 1) * 784]) for i in range(len(labels))]
    right = sum(a == label for a, label in zip(answers, labels))
    expect(right == RIGHT, f"the graph itself: {right} of {len(labels)}")
    got = evaluate(bitline, folder, "ideal")
    expect(round(got["accuracy"] * len(labels)) == RIGHT and not got["warnings"], f"{got}")
    (folder / "t10k-labels-idx1-ubyte").write_bytes(
        struct.pack(">2I", 0x801, len(answers)) + bytes(answers))
    expect_all_right(bitline, folder)


# --- PyTorch ---

def python_with_torch():
    for python in sys.executable, "/usr/bin/python3":
        try:
            done = subprocess.run([python, "-c", "import torch"], stderr=subprocess.DEVNULL)
        except OSError:
            continue
        if done.returncode == 0:
            return python
    return None


def torch_agrees(python, bitline, folder):
    """Random nets written by the exporter of docs/: every padding, biases, scales, an addition."""
    # -P: not what is in this folder under names of the modules of Python.
    subprocess.run([python, "-P", HERE / "binary_torch.py", sys.argv[4], folder], check=True)
    nets = sorted(folder.iterdir())
    expect(len(nets) == 6, f"{nets}")
    for net in nets:
        labels = (net / "t10k-labels-idx1-ubyte").read_bytes()[8:]
        expect(len(set(labels)) > 1, f"{net.name}: one class only: {labels[0]}")
        expect_all_right(bitline, net)


# --- What stands beside weights ---

SMALL_NET = TFC_NET.split("layers:")[0] + """layers:
  - {name: fc1, kind: linear, out: 5, bn: false}
  - {name: fc2, kind: linear, out: 10, bias: true}
"""


def small(folder, scale=None):
    signs = [(-1, 1)[i * 7 % 11 % 2] for i in range(5 * 784)]
    tensors = {"fc1.weight": ([5, 784], signs), "fc2.weight": ([10, 5], signs[:50]),
               "fc2.bias": ([10], [i * 0.5 for i in range(10)])}
    if scale:
        tensors["fc2.scale"] = scale
    (folder / "net.yaml").write_text(SMALL_NET)
    write_safetensors(folder / "net.safetensors", tensors)
    pixels = bytes(i * 37 % 251 for i in range(20 * 784))
    (folder / "t10k-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, 20, 28, 28) + pixels)
    (folder / "t10k-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, 20) + bytes(20))


def scales_are_told(bitline, folder):
    """Signs in front of a bias need a scale; the comparator behind fc1 needs none."""
    small(folder)
    warnings = evaluate(bitline, folder, "ideal")["warnings"]
    expect([w["code"] for w in warnings] == ["no-scale", "chance-level"], f"{warnings}")
    expect("activations" in warnings[1]["text"], f"{warnings}")
    got = evaluate(bitline, folder, "ideal")
    expect(got["activations"] == "plus_minus_one", f"{got}")
    expect("'fc2'" in warnings[0]["text"], f"{warnings}")
    done = bitline.run("eval", "ideal", "./net.yaml", "--weights", "net.safetensors", "--data",
                       "mnist:.", cwd=folder)
    expect(b"warning: the weights of layer 'fc2'" in done.stderr, f"{done.stderr}")
    hashes = []
    for shape, values in (([], [0.5]), ([10], [0.5] * 10), ([10, 1], [0.5] * 9 + [0.25])):
        small(folder, (shape, values))
        got = evaluate(bitline, folder, "ideal")
        codes = [w["code"] for w in got["warnings"]]
        expect("no-scale" not in codes, f"{shape}: {got['warnings']}")
        kind = "channel" if values[-1] == 0.25 else "layer"
        expect(got["weight_scale"] == kind, f"{got}")
        text = bitline.output("eval", "ideal", "./net.yaml", "--weights", "net.safetensors",
                              "--data", "mnist:.", cwd=folder)
        expect(f"one scale for every {kind}\n" in text, text)
        hashes.append(got["weights_hash"])
    expect(hashes[0] == hashes[1] != hashes[2], f"{hashes}")
    small(folder, ([5], [1] * 5))
    bitline.refuse(folder, ["eval", "ideal", "./net.yaml", "--weights", "net.safetensors", "--data",
                            "mnist:."], ["fc2.scale: has the shape [5]", "wants [10]"])


def borders_are_told(bitline, folder):
    """Zeros around -1 and +1 make thresholds of a window's position, other values do not."""
    conv = SMALL_NET.replace("  - {name: fc1", "  - {name: conv, kind: conv, out: 3, kernel: 3}\n"
                             "  - {name: padded, kind: conv, out: 3, kernel: 3, pad: 1}\n"
                             "  - {name: fc1")
    (folder / "net.yaml").write_text(conv)
    for pad, codes in ("zero", ["border-thresholds"]), ("minus_one", []), ("plus_one", []):
        said = json.loads(bitline.output("run", "hawis", "./net.yaml", "--json", "--set",
                                         f"net.pad_value={pad}", cwd=folder))
        codes_said = [w["code"] for w in said["warnings"] if w["code"] == "border-thresholds"]
        expect(codes_said == codes, f"{pad}: {said['warnings']}")


def tensors_are_listed(bitline, folder):
    small(folder)
    said = bitline.output("show", "net", "./net.yaml", "--tensors", cwd=folder)
    rows = [line.split() for line in said.splitlines()]
    names = [row[0] for row in rows if row and row[0].startswith("fc")]
    expect(names == ["fc1.weight", "fc1.weight_scale", "fc2.weight", "fc2.weight_scale", "fc2.bias"],
           said)
    expect("[5, 784]" in said and "2 * pixel / 255 - 1 >= 0" in said, said)


def main():
    bitline, python = Bitline(sys.argv[1]), python_with_torch()
    tests = [scales_are_told, borders_are_told, tensors_are_listed]
    if TFC.exists():
        tests.append(tfc_is_its_graph)
    else:
        print(f"# {TFC} is not there: skipped")
    if python:
        tests.append(functools.update_wrapper(functools.partial(torch_agrees, python), torch_agrees))
    else:
        print("# no Python with PyTorch: its nets are skipped")
    run_tests([(test.__name__, in_folder(test, bitline)) for test in tests])


main()
