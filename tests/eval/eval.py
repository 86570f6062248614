"""bitline eval: what scripts read of it holds together, and what cannot be run is refused in one
sentence.

eval.py BITLINE WEIGHTS_PROGRAM SUPPORT_FOLDER NET
"""
import gzip
import json
import math
import pathlib
import pickle
import shutil
import struct
import subprocess
import sys
import zipfile

sys.path.insert(0, sys.argv[3])
from support import Bitline, expect, in_folder, run_tests  # noqa: E402

COARSE = "adc={preset: none, bits: 4, time: 1 ns, energy: 1 pJ, area: 1 um2%s}"


def prepare(folder):
    shutil.copy(sys.argv[4], folder / "net.yaml")
    subprocess.run([sys.argv[2], folder / "net.yaml", folder / "w.safetensors"], check=True)


def evaluate(bitline, folder, *args):
    text = bitline.output("eval", "hawis", "./net.yaml", "--weights", "w.safetensors", "--images",
                          "200", "--json", *args, cwd=folder)
    return json.loads(text)


def same(one, other):
    skip = ("command", "images_per_second", "chip_hash")
    return all(one[key] == other[key] for key in one if key not in skip)


def layers_of(path):
    return json.loads(path.read_text())["layers"]


def keys_hold_together(bitline, folder):
    prepare(folder)
    got = evaluate(bitline, folder, "--sa0", "0.05", "--sa1", "0.1", "--trials", "3")
    expect(got["images"] == 200 and len(got["trials"]) == 3, f"{got}")
    expect(abs(got["accuracy"] - sum(got["trials"]) / 3) < 1e-12, f"{got}")
    expect(got["faults"]["requested"] == {"stuck_lrs": 0.05, "stuck_hrs": 0.1}, f"{got}")
    cells = got["faults"]["injected"]["cells"]
    for key, rate in (("stuck_lrs", 0.05), ("stuck_hrs", 0.1)):
        off = abs(got["faults"]["injected"][key] - rate * cells)
        expect(off <= 4 * (cells * rate * (1 - rate)) ** 0.5, f"{key}: {got}")


def differing_images(bitline, folder):
    """None on an unbroken chip; else at least as many as are right no longer."""
    prepare(folder)
    fine = evaluate(bitline, folder)
    expect(fine["differ"] == 0 and fine["reference"] == "integer", f"{fine}")
    for args in (["--sa0", "0.1", "--trials", "2"], ["--sigma", "0.5"], ["--set", COARSE % ""]):
        broken = evaluate(bitline, folder, *args)
        lost = abs(fine["accuracy"] - broken["accuracy"]) * 200
        expect(0 < broken["differ"] <= 200 and broken["differ"] >= lost - 1e-9, f"{broken}")
    real = evaluate(bitline, folder, "--reference", "float")
    expect(real["reference"] == "float" and real["trials"] == fine["trials"], f"{real}")


def nothing_is_nothing(bitline, folder):
    """Rates of 0 and no rates at all; any number of workers; any level of kernels."""
    prepare(folder)
    expect(same(evaluate(bitline, folder), evaluate(bitline, folder, "--sa0", "0", "--sa1", "0")),
           "rate 0 is not nothing")
    args = ["--sa0", "0.02", "--set", COARSE % ", range: calibrated"]
    base = evaluate(bitline, folder, *args)
    for more in (["--jobs", "3"], ["--cpu", "scalar"], ["--cpu", "avx2"]):
        expect(same(base, evaluate(bitline, folder, *args, *more)), f"{more}: other results")


CHIPS = ([], ["--set", "mapping.replicate=true"], ["--set", "crossbar.polarity=single"],
         ["--set", "mapping.replicate=true", "--set", COARSE % ", range: calibrated"])
BREAKAGES = (["--sa0", "0.02", "--sa1", "0.05"],
             ["--sa1", "0.05", "--set", "defects.word_lines=0.02"],
             ["--sigma", "0.4", "--set", "defects.redraw=7"],
             ["--sa1", "0.03", "--set", "defects.read_noise=0.5", "--set", "defects.drivers=0.02"])
SPARE = ["--set", "crossbar.spare_rows=4", "--set", "crossbar.spare_columns=2"]


def combined(bitline, folder, chip):
    """Whatever is put together: workers and levels of kernels do not matter, mended or not, nor to
    what is switched."""
    prepare(folder)
    few = ["--images", "24", "--activity", "activity.json"]
    for broken in BREAKAGES:
        for mend in ([], ["--mitigate", "spares,bn", "--mitigate-images", "16", *SPARE]):
            args = [*chip, *broken, *mend, *few]
            base = evaluate(bitline, folder, *args)
            shares = layers_of(folder / "activity.json")
            for more in (["--jobs", "3"], ["--cpu", "scalar"]):
                expect(same(base, evaluate(bitline, folder, *args, *more)), f"{args}, {more}")
                expect(layers_of(folder / "activity.json") == shares, f"{args}, {more}: activity")


GROUPED = """name: grouped
input: {channels: 1, height: 28, width: 28}
layers:
  - {name: stem, kind: conv, out: 16, kernel: 3, stride: 4}
  - {name: dw, kind: conv, out: 16, kernel: 3, groups: 16}
  - {name: fc, kind: linear, out: 10}
"""


def activity_of_other_arrays(bitline, folder):
    """The share of cells is that of the arrays that were measured: 16 groups in one crossbar have 15
    zeros for every weight. Other arrays refuse it."""
    (folder / "net.yaml").write_text(GROUPED)
    subprocess.run([sys.argv[2], folder / "net.yaml", folder / "w.safetensors"], check=True)
    packed, apart = (["--set", f"mapping.groups={how}"] for how in ("packed", "apart"))
    shares = {}
    for how, chip in (("packed", packed), ("apart", apart)):
        evaluate(bitline, folder, *chip, "--images", "2", "--activity", f"{how}.json")
        shares[how] = layers_of(folder / f"{how}.json")[1]["cells_lrs"]
        bitline.output("run", "hawis", "./net.yaml", *chip, "--activity", f"{how}.json", cwd=folder)
    expect(abs(shares["apart"] / shares["packed"] - 16) < 1e-9, f"{shares}")
    for how, chip, words in (("packed", apart, "16 groups in a crossbar, and has 1"),
                             ("apart", packed, "1 groups in a crossbar, and has 16")):
        bitline.refuse(folder, ["run", "hawis", "./net.yaml", *chip, "--activity", f"{how}.json"],
                       ["layer 'dw' was measured with " + words, "eval --activity"])


def nothing_to_mend(bitline, folder):
    """Spares of a chip with nothing broken stay where they are, replicas and all."""
    prepare(folder)
    for chip in CHIPS:
        plain = evaluate(bitline, folder, *chip, *SPARE)
        spared = evaluate(bitline, folder, *chip, *SPARE, "--sa0", "0", "--mitigate", "spares")
        expect(plain["trials"] == spared["trials"] and plain["differ"] == spared["differ"], f"{chip}")


def drift_is_mended(bitline, folder):
    """Drift without spread is a pure gain, t^-nu, which the digital part divides out: what is lost
    to it comes back, whatever sigma is there besides."""
    signs = ["eval", "hawis", "signs", "--weights", "train-signs", "--images", "1000", "--json"]
    drift = ["--set", "defects.drift_time=1e4 s", "--set", "defects.drift_exponent=0.05"]
    fresh, gone, back = (json.loads(bitline.output(*signs, *more, cwd=folder)) for more in
                         ([], drift, [*drift, "--mitigate", "gain"]))
    lost = fresh["accuracy"] - gone["accuracy"]
    expect(lost > 0.2, f"drift costs {lost} only")
    expect(abs(fresh["accuracy"] - back["accuracy"]) < 0.02, f"{fresh['accuracy']} {back['accuracy']}")
    expect(back["mending"]["accuracy_without"] == gone["accuracy"], f"{back['mending']}")
    divided = back["mending"]["gain"]["divided_by"]
    expect(abs(divided / 1e4 ** -0.05 - 1) < 1e-9, f"{divided}")
    sigma = ["--sigma", "0.5"]
    varied, both = (json.loads(bitline.output(*signs, *sigma, *more, "--mitigate", "gain", cwd=folder))
                    for more in ([], drift))
    expect(abs(both["mending"]["gain"]["divided_by"] /
               (varied["mending"]["gain"]["divided_by"] * divided) - 1) < 1e-9, f"{both['mending']}")
    expect(abs(both["accuracy"] - varied["accuracy"]) < 0.03, f"{both['accuracy']} {varied}")


def exact_by_property(bitline, folder):
    """The form float asks what a chip is, not what it is called."""
    (folder / "net.yaml").write_text(
        "name: one\ninput: {channels: 1, height: 28, width: 28}\ndefault_form: float\n"
        "layers: [{name: fc, kind: linear, out: 10}]\n", encoding="utf-8")
    header = json.dumps({"fc.weight": {"dtype": "F32", "shape": [10, 784],
                                       "data_offsets": [0, 31360]},
                         "fc.bias": {"dtype": "F32", "shape": [10],
                                     "data_offsets": [31360, 31400]}}).encode()
    values = [math.sin(i) for i in range(7850)]
    (folder / "w.safetensors").write_bytes(struct.pack("<Q", len(header)) + header +
                                           struct.pack("<7850f", *values))
    (folder / "copy.yaml").write_text("extends: ideal\nname: mine\n", encoding="utf-8")
    (folder / "fake.yaml").write_text("extends: hawis\nname: ideal\n", encoding="utf-8")
    words = ["./net.yaml", "--weights", "w.safetensors", "--images", "50", "--form", "float"]
    ideal, mine = (bitline.run("eval", chip, *words, "--json", cwd=folder)
                   for chip in ("ideal", "./copy.yaml"))
    expect(ideal.returncode == 0 == mine.returncode, f"{ideal.stderr} {mine.stderr}")
    ideal, mine = json.loads(ideal.stdout), json.loads(mine.stdout)
    expect(ideal["accuracy"] == mine["accuracy"], f"{ideal} {mine}")
    bitline.refuse(folder, ["eval", "./fake.yaml", *words],
                   ["fake.yaml:2:7: name: the form float has no hardware; it runs on chips of "
                    "'arithmetic: exact' alone, such as ideal"])


def calibrated_reads_more(bitline, folder):
    """A range that the images fill is worth bits: fewer images differ."""
    prepare(folder)
    full = evaluate(bitline, folder, "--set", COARSE % "")
    met = evaluate(bitline, folder, "--set", COARSE % ", range: calibrated")
    expect(met["differ"] < full["differ"], f"{met['differ']} and {full['differ']}")


def adc_warnings(got):
    return [w["text"] for w in got["warnings"] if w["code"] == "adc-clips"]


def losses_are_told(bitline, folder):
    """Bits needed and present, what conversions lose, and a way out that helps."""
    prepare(folder)
    fine = evaluate(bitline, folder)
    expect(fine["adc"]["lossless"] and fine["adc"]["clipped"] == 0 and not adc_warnings(fine),
           f"{fine}")
    for layer in fine["adc"]["layers"]:
        top = 2 ** (layer["bits_needed"] - 1)
        expect(layer["bits"] == 8 and layer["bits_needed"] <= 8, f"{layer}")
        expect(-top <= layer["lowest_sum"] and layer["highest_sum"] < top, f"{layer}")
    coarse = evaluate(bitline, folder, "--set", COARSE % "")
    told = adc_warnings(coarse)
    expect(len(told) == 1 and "adc.range=calibrated" in told[0] and "adc.bits=" in told[0], told)
    adc = coarse["adc"]
    expect(not adc["lossless"] and adc["rounded"] > 0.1 and 0 < adc["images"] <= 16, f"{adc}")
    lost = sum(l["rounded"] * l["conversions"] for l in adc["layers"])
    expect(abs(lost / adc["conversions"] - adc["rounded"]) < 1e-12, f"{adc}")
    needed = max(l["bits_needed"] for l in adc["layers"])
    met = evaluate(bitline, folder, "--set", COARSE % ", range: calibrated")
    expect(not adc_warnings(met) and met["differ"] < coarse["differ"], f"{met}")
    enough = evaluate(bitline, folder, "--set", (COARSE % "").replace("bits: 4", f"bits: {needed}"))
    expect(enough["adc"]["lossless"] and enough["differ"] == 0, f"{enough}")
    for varying in (["--sigma", "0.1"], ["--sigma", "0.1", "--set", COARSE % ""]):
        got = evaluate(bitline, folder, *varying)
        lacking = [l for l in got["adc"]["layers"] if l["bits_needed"] > l["bits"]]
        expect(bool(lacking) == (len(varying) > 2), f"{lacking}")
        expect(len(adc_warnings(got)) == bool(lacking), f"{varying}: {adc_warnings(got)}")
    text = bitline.output("eval", "hawis", "./net.yaml", "--weights", "w.safetensors", "--images",
                          "5", "--sigma", "0.1", cwd=folder)
    expect("enough bits for whole steps" in text and "may lose" not in text, text)
    text = bitline.output("eval", "hawis", "./net.yaml", "--weights", "w.safetensors", "--images",
                          "5", "--adc", cwd=folder)
    expect("lossless" in text and "needed" in text, text)


def comparators_vote(bitline, folder):
    """Read-outs of one bit run, say what they lose, and do not depend on workers."""
    prepare(folder)
    words = ["eval", "hawis-sa", "./net.yaml", "--weights", "w.safetensors", "--images", "50",
             "--json"]
    got = json.loads(bitline.output(*words, cwd=folder))
    expect(same(got, json.loads(bitline.output(*words, "--jobs", "3", cwd=folder))), "jobs matter")
    told = adc_warnings(got)
    expect(len(told) == 1 and "calibrated" not in told[0] and "adc.bits=" in told[0], told)
    expect(any(not l["lossless"] for l in got["adc"]["layers"]), f"{got['adc']}")
    bitline.refuse(folder, [*words, "--mitigate", "bn"],
                   ["sums, which one-bit read-outs do not provide"])


def rows_are_told(bitline, folder):
    """Without weights: rows x full scale; a warning only where every sum is rounded."""
    prepare(folder)
    for adc, warned in (([], False), (["--set", COARSE % ""], True),
                        (["--set", COARSE % ", range: calibrated"], False)):
        got = json.loads(bitline.output("run", "hawis", "./net.yaml", *adc, "--json", cwd=folder))
        expect(got["adc"]["bound"] == "rows x full scale", f"{got['adc']}")
        texts = adc_warnings(got)
        expect(len(texts) == warned, f"{adc}: {got['warnings']}")
        needed = max(layer["bits_needed"] for layer in got["adc"]["layers"])
        expect(all(f"adc.bits={needed} " in text for text in texts), f"{needed}: {texts}")


def full_disk(bitline, folder):
    prepare(folder)
    with open("/dev/full", "wb") as full:
        done = bitline.run("eval", "hawis", "./net.yaml", "--weights", "w.safetensors", "--images",
                           "5", "--json", cwd=folder, stdout=full)
    expect(done.returncode == 1 and done.stderr.count(b"\n") == 1, done.stderr.decode())


REFUSED = [
    (["--sa0", "1.5"], "--sa0 1.5: expected a rate from 0 to 1"),
    (["--sa1", "-0.1"], "--sa1 -0.1: expected a rate from 0 to 1"),
    (["--sa0", "nan"], "--sa0 nan: expected a rate from 0 to 1"),
    (["--sa0", "1%"], "--sa0 1%: expected a rate from 0 to 1 (1 % is 0.01)"),
    (["--sa0", "0.6", "--sa1", "0.6"], "stuck_lrs 0.6 and stuck_hrs 0.6 (SA0 and SA1) together"),
    (["--set", "defects.stuck_lrs=2"], "defects.stuck_lrs: '2' is out of range"),
    (["--sigma", "11"], "--sigma 11: expected a number from 0 to 10"),
    (["--images", "0"], "--images 0: expected an integer from 1"),
    (["--images", "20000"], "--images 20000: the set 'synth' has 10000 test images"),
    (["--trials", "0"], "--trials 0: expected an integer from 1"),
    (["--jobs", "0"], "--jobs 0: expected an integer from 1"),
    (["--cpu", "sse"], "--cpu sse: unknown; use scalar, avx2 or avx512"),
    (["--reference", "none"], "--reference none: unknown; use integer or float"),
    (["--data", "synth32"], "the set 'synth32' has 3x32x32"),
    (["--data", "none"], "data 'none' is no known data set"),
    (["--data", "mnist:nowhere"], "nowhere: there is no such folder"),
    (["--width", "2x"], "w.safetensors: conv1.weight: has the shape"),
    (["--weights", "none.safetensors"], "none.safetensors: "),
    (["--form", "int8", "--set", "net.input.bits=4"],
     "reads pixels of 4 bits, those of the set 'synth' have 8; set input.bits to 8"),
    (["--set", "adc.range=calibrate"], "did you mean 'calibrated'?"),
    (["--set", "adc.calibration_images=0"], "adc.calibration_images: '0' is out of range"),
]


def refused(bitline, folder, args, says):
    prepare(folder)
    bitline.refuse(folder, ["eval", "hawis", "./net.yaml", "--weights", "w.safetensors", *args],
                   [says])


def bad_weights(bitline, folder):
    prepare(folder)
    good = (folder / "w.safetensors").read_bytes()
    head = 8 + struct.unpack("<Q", good[:8])[0]
    nan = struct.pack("<f", float("nan"))
    unhashed = good[:head].replace(b"weights_hash", b"other_key___")
    for name, broken, says in (("cut", good[:-1], "was cut off"), ("stub", good[:5], ""),
                               ("empty", b"", ""), ("text", b"weights\n" * 100, ""),
                               ("nan", unhashed + nan + good[head + 4:], "is nan, no finite"),
                               ("changed", good[:-1] + b"\x55", "do not fit the weights_hash")):
        (folder / f"{name}.safetensors").write_bytes(broken)
        bitline.refuse(folder, ["eval", "hawis", "./net.yaml", "--weights", f"{name}.safetensors"],
                       [f"{name}.safetensors: ", says])


def zipped(path, name, data):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, data)


def foreign_weights(bitline, folder):
    """What people have at hand in other formats is called by its name, with the way out of it. A
    pickle of protocol 2 begins like a safetensors file whose header has 0x...0280 bytes: that is read."""
    prepare(folder)
    tensors = {"fc.weight": [0.5] * 100}
    for protocol in (2, 3, 4, 5):
        (folder / f"{protocol}.pt").write_bytes(pickle.dumps(tensors, protocol))
    zipped(folder / "zip.pt", "archive/data.pkl", pickle.dumps(tensors, 2))
    zipped(folder / "w.npz", "fc.weight.npy", b"\x93NUMPY\1\0" + b" " * 120)
    zipped(folder / "w.keras", "metadata.json", b"{}")
    (folder / "w.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    (folder / "w.npy").write_bytes(b"\x93NUMPY\1\0" + b" " * 120)
    (folder / "w.gguf").write_bytes(b"GGUF" + bytes(100))
    (folder / "w.gz").write_bytes(gzip.compress((folder / "w.safetensors").read_bytes()))
    (folder / "w.onnx").write_bytes(bytes([8, 8, 18, 7]) + b"pytorch" + bytes(100))
    (folder / "lfs").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    torch = ["save its tensors as safetensors", "torch.load('FILE'", "w.safetensors"]
    for file, *says in [(f"{p}.pt", "is a PyTorch pickle; ", *torch) for p in (2, 3, 4, 5)] + [
            ("zip.pt", "is a PyTorch file (torch.save); ", *torch), ("w.npz", "a NumPy archive"),
            ("w.keras", "is a zip archive, "), ("w.h5", "is an HDF5 file"),
            ("w.npy", "is a NumPy array"), ("w.gguf", "is a GGUF file"),
            ("w.gz", "compressed by gzip; unpack it"), ("w.onnx", "is an ONNX model"),
            ("lfs", "is a Git LFS pointer")]:
        bitline.refuse(folder, ["eval", "hawis", "./net.yaml", "--weights", f"./{file}"],
                       [f"{file}: ", *says])
    good = (folder / "w.safetensors").read_bytes()
    head = 8 + struct.unpack("<Q", good[:8])[0]
    long = struct.pack("<Q", 0x10280)
    (folder / "long.safetensors").write_bytes(long + good[8:head].ljust(0x10280) + good[head:])
    words = ["eval", "hawis", "./net.yaml", "--images", "10", "--weights"]
    expect(long[:2] == pickle.dumps({}, 2)[:2], "its bytes")
    bitline.output(*words, "long.safetensors", cwd=folder)


def idx(labels, images):
    return (struct.pack(">II", 0x801, len(labels)) + bytes(labels),
            struct.pack(">IIII", 0x803, len(labels), 28, 28) + bytes(784 * images))


def bad_data(bitline, folder):
    prepare(folder)
    for labels, images, cut, says in (([1, 2, 3], 3, 1, "images-idx3-ubyte: ends at byte 2367"),
                                      ([1, 2, 10], 3, 0, "label 2 (byte 10) is 10, above 9"),
                                      ([1, 2, 3], 4, 0, "goes on after byte 2368")):
        names = ("t10k-labels-idx1-ubyte", "t10k-images-idx3-ubyte")
        for name, data in zip(names, idx(labels, images), strict=True):
            (folder / name).write_bytes(data[:-cut] if cut and "images" in name else data)
        bitline.refuse(folder, ["eval", "hawis", "./net.yaml", "--weights", "w.safetensors",
                                "--data", "mnist:."], [says])


def weights_by_name(bitline, folder):
    """No file is at hand. A folder of BITLINE_PATH comes before what is embedded."""
    words = ["eval", "hawis", "signs", "--weights", "train-signs", "--json"]
    got = json.loads(bitline.output(*words, "--images", "1000", cwd=folder))
    expect(got["accuracy"] > 0.92 and got["differ"] == 0, f"{got}")
    bitline.refuse(folder, ["eval", "hawis", "signs", "--weights", "train-sings"],
                   ["train-sings: there is no such file, and no weights of that name"])
    expect("train-signs " in bitline.output("list", "weights", cwd=folder), "not in the list")
    (folder / "workloads").mkdir()
    (folder / "workloads" / "train-signs.safetensors").write_bytes(b"x")
    bitline.env["BITLINE_PATH"] = str(folder)
    try:
        bitline.refuse(folder, words, ["workloads/train-signs.safetensors: "])
    finally:
        del bitline.env["BITLINE_PATH"]


def main():
    bitline = Bitline(pathlib.Path(sys.argv[1]))
    cases = [(test.__name__, test, ()) for test in
             (keys_hold_together, differing_images, nothing_is_nothing, nothing_to_mend,
              drift_is_mended, exact_by_property, activity_of_other_arrays,
              calibrated_reads_more, losses_are_told, comparators_vote,
              rows_are_told, full_disk, bad_weights, foreign_weights,
              bad_data, weights_by_name)]
    cases += [("combined " + " ".join(chip), combined, (chip,)) for chip in CHIPS]
    cases += [("refused: " + " ".join(args), refused, (args, says)) for args, says in REFUSED]
    run_tests([(repr(name), in_folder(test, bitline, *args)) for name, test, args in cases])


main()
