"""Warnings that go along with an accuracy: what makes them come, and what makes them go; each once,
the same ones on stderr and in the JSON.

warned.py BITLINE WEIGHTS_PROGRAM SUPPORT_FOLDER NET
"""
import json
import math
import pathlib
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, sys.argv[3])
from support import Bitline, expect, in_folder, run_tests  # noqa: E402

OURS = {"chance-level", "default-data", "other-data", "other-form", "form-changes-layer",
        "residual-clips", "residual-coarse"}
POOLS = """name: pools
input: {{channels: 1, height: 28, width: 28}}
{rest}layers:
  - {{name: conv1, kind: conv, out: 8, kernel: 3, pad: 1}}
  - {{name: pool1, kind: pool, kernel: 2}}
  - {{name: conv2, kind: conv, out: 8, kernel: 3, pad: 1{conv}}}
{head}  - {{name: fc, kind: linear, out: 10}}
"""
TRAIN = """kind: train
name: a-training
net: ./net.yaml
data: synth
images: 1920
test_images: 500
epochs: 1
batch: 64
optimiser: {kind: adam, rate: %s}
"""


STREAM = """name: stream
input: {channels: 1, height: 28, width: 28}
default_form: binary
activations: plus_minus_one
encoder: sign
layers:
  - {name: conv1, kind: conv, out: 2, kernel: 4, stride: 4, bn: false}
  - {name: conv2, kind: conv, out: 2, kernel: 1, bn: false}
  - {name: add, kind: add, shortcut: conv1}
  - {name: fc, kind: linear, out: 10}
"""


def codes_of(bitline, folder, *args):
    """{code: text} of those that are tested here; the JSON against stderr."""
    done = bitline.run(*args, "--json", cwd=folder)
    err = done.stderr.decode()
    expect(done.returncode == 0, f"{args}: exit {done.returncode}\n{err}")
    result = json.loads(done.stdout)
    lines = [line for line in err.splitlines() if line.startswith("bitline: warning: ")]
    texts = [f"bitline: warning: {w['text']}" for w in result["warnings"]]
    expect(sorted(lines) == sorted(texts) and len(set(texts)) == len(texts), f"{texts}\n{err}")
    found = {w["code"]: w["text"] for w in result["warnings"] if w["code"] in OURS}
    expect(len(found) == sum(w["code"] in OURS for w in result["warnings"]), f"{result['warnings']}")
    return found, result


def prepare(folder):
    shutil.copy(sys.argv[4], folder / "net.yaml")
    subprocess.run([sys.argv[2], folder / "net.yaml", folder / "w.safetensors"], check=True)


def set_metadata(path, **values):
    data = path.read_bytes()
    n = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + n])
    header["__metadata__"].update(values)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + n:])


def none_where_all_is_well(bitline, folder):
    found, _ = codes_of(bitline, folder, "eval", "hawis", "signs", "--weights", "train-signs",
                        "--images", "500")
    expect(not found, f"{found}")


def data_of_weights(bitline, folder):
    prepare(folder)
    words = ["eval", "hawis", "./net.yaml", "--weights", "w.safetensors", "--images", "10"]
    found, _ = codes_of(bitline, folder, *words)
    expect("does not say what it was trained on" in found["default-data"] and
           "'synth'" in found["default-data"] and "--data" in found["default-data"], f"{found}")
    found, _ = codes_of(bitline, folder, *words, "--data", "synth")
    expect(not found, f"{found}")
    set_metadata(folder / "w.safetensors", data="fashion")
    found, _ = codes_of(bitline, folder, *words)
    expect("was trained on 'fashion', but no data set is named" in found["default-data"], f"{found}")
    found, _ = codes_of(bitline, folder, *words, "--data", "synth")
    expect(set(found) == {"other-data"} and "'fashion', not on 'synth'" in found["other-data"],
           f"{found}")
    set_metadata(folder / "w.safetensors", data="synth")
    found, _ = codes_of(bitline, folder, *words)
    expect(not found, f"{found}")
    set_metadata(folder / "w.safetensors", form="float")
    found, _ = codes_of(bitline, folder, *words)
    expect(set(found) == {"other-form"} and "use --form float" in found["other-form"], f"{found}")


def training_says_its_data(bitline, folder):
    """What a training leaves is evaluated on its own images without a word, and a training that
    learns nothing says so."""
    (folder / "net.yaml").write_text(POOLS.format(rest="max_pool: keep\n", head="", conv=""),
                                     encoding="utf-8")
    for rate, learns in (("0.002", True), ("1e-12", False)):
        (folder / "job.yaml").write_text(TRAIN % rate, encoding="utf-8")
        found, result = codes_of(bitline, folder, "train", "./job.yaml", "--out", f"rate{rate}",
                                 "--set", f"epochs={4 if learns else 1}", "--set", "form=float")
        guessed = 500 * 0.1 + 2 * math.sqrt(500 * 0.1 * 0.9)
        expect(("chance-level" in found) == (result["test_accuracy"] * 500 <= guessed),
               f"{found} {result['test_accuracy']}")
        expect(("chance-level" in found) != learns, f"{rate}: {found} {result['test_accuracy']}")
    found, _ = codes_of(bitline, folder, "eval", "ideal", "./net.yaml", "--form", "float",
                        "--weights", "rate0.002/weights.safetensors", "--images", "500")
    expect(not found, f"{found}")


def guessing(bitline, folder):
    """Random weights guess; a chip that is broken altogether does, and the reason is another."""
    prepare(folder)
    words = ["eval", "hawis", "./net.yaml", "--weights", "w.safetensors", "--data", "synth"]
    for images in (10, 19, 20, 300):
        found, result = codes_of(bitline, folder, *words, "--images", str(images))
        bound = images / 10 + 2 * math.sqrt(images * 0.09)
        wanted = images >= 20 and round(result["accuracy"] * images) <= bound
        expect(("chance-level" in found) == wanted, f"{images}: {found} {result['accuracy']}")
    expect(wanted and "guessing among 10 classes" in found["chance-level"], f"{found}")
    expect("check that network, form, weights and data belong together" in found["chance-level"],
           f"{found}")
    found, _ = codes_of(bitline, folder, "eval", "hawis", "signs", "--weights", "train-signs",
                        "--images", "200", "--sa0", "0.5", "--sa1", "0.5")
    expect("the network may have lost all accuracy to these defects" in found["chance-level"], f"{found}")


def changed_layers(bitline, folder):
    """Form, keys of the net, layers that the warning must name."""
    head = "  - {name: gap, kind: head}\n"
    cases = [
        ({}, "binary", ["pool1: max-pools become the strides"]),
        ({}, "int8", []),
        ({"rest": "max_pool: stride\n"}, "binary", []),
        ({"rest": "max_pool: keep\n"}, "binary", []),
        ({"rest": "default_form: binary\n"}, "binary", ["pool1: max-pools become the strides"]),
        ({"rest": "max_pool: keep\n", "head": head}, "binary", ["gap: the global average pooling"]),
        ({"rest": "max_pool: keep\nhead: flatten\n", "head": head}, "binary", []),
        ({"rest": "max_pool: keep\ndefault_form: binary\n", "head": head}, "binary", []),
        ({"rest": "max_pool: keep\n", "conv": ", relu: true"}, "binary",
         ["conv2: a comparator takes the place of the ReLU"]),
        ({"rest": "max_pool: keep\n", "conv": ", bn: false"}, "binary",
         ["conv2: a batch-norm follows, although"]),
        ({"head": head, "conv": ", bn: false, relu: true"}, "binary",
         ["pool1: ", "gap: ", "conv2: a comparator", "conv2: a batch-norm"]),
        ({"head": head, "conv": ", bn: false, relu: true"}, "float", []),
    ]
    for keys, form, says in cases:
        text = POOLS.format(**{"rest": "", "head": "", "conv": "", **keys})
        (folder / "net.yaml").write_text(text, encoding="utf-8")
        if form == "float":
            bitline.output("show", "net", "./net.yaml", "--form", form, cwd=folder)
            continue
        found, _ = codes_of(bitline, folder, "run", "hawis", "./net.yaml", "--form", form)
        expect(bool(found) == bool(says), f"{keys} {form}: {found}")
        for part in says:
            expect(part in found["form-changes-layer"], f"{keys} {form}: {found}")


def residual_streams(bitline, folder):
    """16 signs in a window times a weight of w: a stream of -16 w to 16 w, in steps of 1/16 from -8
    to 8 by default. Most windows of a drawn image are of one sign."""
    (folder / "net.yaml").write_text(STREAM)
    words = ["eval", "hawis", "./net.yaml", "--weights", "w.safetensors", "--data", "synth",
             "--images", "10"]
    for weight, code, settings, cured in (
            (0.5, None, "", []), (2, "residual-clips", "up to 32;", ["residual_bits=10", "residual_frac=4"]),
            (0.001, "residual-coarse", "step of 0.0625 ", ["residual_bits=16", "residual_frac=12"])):
        header, data = {}, b""
        for name, shape in (("conv1", [2, 1, 4, 4]), ("conv2", [2, 2, 1, 1]), ("fc", [10, 98])):
            block = struct.pack("<f", weight) * math.prod(shape)
            header[name + ".weight"] = {"dtype": "F32", "shape": shape,
                                        "data_offsets": [len(data), len(data) + len(block)]}
            data += block
        text = json.dumps(header).encode()
        (folder / "w.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
        found, _ = codes_of(bitline, folder, *words)
        expect(set(found) == {code} - {None}, f"{weight}: {found}")
        expect(not code or settings in found[code] and "raise residual_bits" in found[code], f"{found}")
        sets = [word for setting in cured for word in ("--set", "net." + setting)]
        expect(not codes_of(bitline, folder, *words, *sets)[0], f"{weight}: {cured}")


def sweeps_warn(bitline, folder):
    prepare(folder)
    (folder / "job.yaml").write_text(
        "kind: sweep\nname: s\nchip: hawis\nnet: ./net.yaml\nweights: w.safetensors\nimages: 5\n"
        "sweep: [{path: sa0, values: [0, 0.1]}, {path: net.levels, values: [4]}]\n",
        encoding="utf-8")
    found, _ = codes_of(bitline, folder, "sweep", "./job.yaml")
    expect(set(found) == {"default-data"}, f"{found}")


def main():
    bitline = Bitline(pathlib.Path(sys.argv[1]))
    run_tests([(test.__name__, in_folder(test, bitline)) for test in
               (none_where_all_is_well, data_of_weights, training_says_its_data, guessing,
                changed_layers, residual_streams, sweeps_warn)])


main()
