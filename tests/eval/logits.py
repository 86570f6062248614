"""What an accuracy needs of a net: one logit for each class, told apart however many there
are.

logits.py BITLINE SUPPORT_FOLDER
"""
import json
import pathlib
import struct
import sys

sys.path.insert(0, sys.argv[2])
from support import Bitline, expect, in_folder, run_tests  # noqa: E402

NET = """name: logits
input: {{channels: 1, height: 28, width: 28}}
{rest}layers:
  - {{name: pool, kind: pool, kernel: 7, pool: average}}
  - {{name: {last}}}
"""
FORMS = "float", "int8", "int16"


def write(folder, last, shape, favourite, rest="", scale=0.0, by_weights=False):
    """A net whose logits are the same for all classes but the favourite one, which has a larger bias,
    or larger weights if by_weights is set. scale: of weights and bias; 0: no weights, a bias of 1."""
    (folder / "net.yaml").write_text(NET.format(last=last, rest=rest))
    sizes = {"last.weight": shape, "last.bias": shape[:1]}
    header, data = {}, b""
    for name, of in sizes.items():
        n = 1
        for side in of:
            n *= side
        values = [scale if name == "last.weight" else 0.0] * n
        if by_weights == (name == "last.weight"):
            each = n // of[0]
            values[favourite * each:(favourite + 1) * each] = [2 * scale or 1.0] * each
        block = struct.pack(f"<{n}f", *values)
        header[name] = {"dtype": "F32", "shape": of, "data_offsets": [len(data), len(data) + 4 * n]}
        data += block
    text = json.dumps(header).encode()
    (folder / "w.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


def evaluate(bitline, folder, form):
    return bitline.run("eval", "ideal", "./net.yaml", "--weights", "w.safetensors", "--data",
                       "synth", "--images", "200", "--form", form, "--json", cwd=folder)


def accuracy(bitline, folder, form):
    done = evaluate(bitline, folder, form)
    expect(done.returncode == 0, done.stderr.decode())
    return json.loads(done.stdout)["accuracy"]


def refused(bitline, folder, *words):
    for form in FORMS:
        done = evaluate(bitline, folder, form)
        err = done.stderr.decode()
        expect(done.returncode == 2 and not done.stdout, f"{form}: {done.returncode}\n{err}")
        expect(all(word in err for word in words), err)


def classes_above_255(bitline, folder):
    """No label is 257, or 256 + any other class."""
    for form in FORMS:
        share = 0
        for label in range(10):
            write(folder, "last, kind: linear, out: 266", [266, 16], label)
            share += accuracy(bitline, folder, form)
        expect(abs(share - 1) < 1e-9, f"{form}: all classes together have {share} of the images")
        for label in 10, 255, 256, 257, 265:
            write(folder, "last, kind: linear, out: 266", [266, 16], label)
            expect(accuracy(bitline, folder, form) == 0, f"{form}: class {label} is right")


def logits_of_any_scale(bitline, folder):
    """The largest logit wins, whatever it is worth; here that of a class without images."""
    for form in FORMS:
        for by_weights in False, True:
            for scale in 1.0, 2.0 ** -30, 2.0 ** -60, 2.0 ** -90:
                write(folder, "last, kind: linear, out: 266", [266, 16], 12, scale=scale,
                      by_weights=by_weights)
                expect(accuracy(bitline, folder, form) == 0, f"{form}, {by_weights}: {scale}")


def nets_that_end_in_a_map(bitline, folder):
    write(folder, "last, kind: conv, out: 10, kernel: 1, bn: false", [10, 1, 1, 1], 1)
    refused(bitline, folder, "'last' leaves 10 x 4 x 4 values", "10 classes", "linear layer")
    write(folder, "last, kind: conv, out: 10, kernel: 4, bn: false", [10, 1, 4, 4], 1)
    expect(0 < accuracy(bitline, folder, "int8") < 1, "a map of one pixel is fine")
    write(folder, "last, kind: conv, out: 12, kernel: 4, bn: false", [12, 1, 4, 4], 1,
          rest="classes: 10\n")
    refused(bitline, folder, "'last' leaves 12 x 1 x 1 values", "10 classes")


if __name__ == "__main__":
    BITLINE = Bitline(pathlib.Path(sys.argv[1]))
    run_tests([
        ("classes above 255 are no others", in_folder(classes_above_255, BITLINE)),
        ("logits of any scale", in_folder(logits_of_any_scale, BITLINE)),
        ("nets that end in a map have no classes", in_folder(nets_that_end_in_a_map, BITLINE)),
    ])
