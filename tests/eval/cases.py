"""bitline eval with networks and weights from outside: what they give by their authors, or by an
independent program, is what they give here.

cases.py BITLINE SUPPORT_FOLDER SHARED_FOLDER

Needs SHARED_FOLDER (networks, weights and CIFAR-10's files); skips without it.
"""
import json
import lzma
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, sys.argv[2])
from support import Bitline, expect, run_tests  # noqa: E402

SHARED = pathlib.Path(sys.argv[3])
CASES = SHARED / "cases"
RESNET20 = SHARED / "data/models/resnet20_fp32.safetensors"
RESNET8 = CASES / "mlperf-tiny-resnet8-5x5.safetensors"


def unpack(folder):
    """CIFAR-10 as its authors' files."""
    to = folder / "cifar10"
    to.mkdir()
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        with lzma.open(SHARED / f"data/cifar10/{name}.bin.xz") as packed:
            with open(to / f"{name}.bin", "wb") as out:
                shutil.copyfileobj(packed, out)
    return f"cifar10:{to}"


class Cases:
    def __init__(self, bitline, data):
        self.bitline = bitline
        self.data = data

    def evaluate(self, *args):
        done = self.bitline.run("eval", *args, "--data", self.data, "--json")
        expect(done.returncode == 0, f"{args}: {done.stderr.decode()}")
        return json.loads(done.stdout)

    def resnet8(self, net, form, *args):
        return self.evaluate("ideal", CASES / f"{net}.yaml", "--weights", RESNET8, "--form", form,
                             "--images", "200", *args)

    def order_and_sign(self):
        """MLPerf Tiny's ResNet-8: projections behind or before the main path, any number of jobs."""
        real = self.resnet8("mlperf-tiny-resnet8-5x5", "float")["accuracy"]
        expect(real == 0.89, f"float: {real}")
        first = None
        for net in "mlperf-tiny-resnet8-5x5", "mlperf-tiny-resnet8-5x5-projfirst":
            for jobs in "1", "2", "7":
                got = self.resnet8(net, "int8", "--jobs", jobs)
                first = first or got["accuracy"]
                expect(abs(got["accuracy"] - real) <= 0.005, f"{net}, {jobs} jobs: {got}")
                expect(got["accuracy"] == first and got["differ"] == 0, f"{net}: {got}")

    def widths(self):
        """Weights and activations of up to 16 bits each: exact arrays, and the float net's classes
        but for those that are near."""
        for weights, activations in (11, 11), (12, 11), (8, 16), (16, 8), (16, 16):
            got = self.resnet8("mlperf-tiny-resnet8-5x5", "int16",
                               "--set", f"net.weight_bits={weights}",
                               "--set", f"net.activation_bits={activations}")
            expect(got["differ"] == 0, f"{weights}/{activations}: {got}")
            expect(abs(got["accuracy"] - 0.89) <= 0.0101, f"{weights}/{activations}: {got}")
        got = self.evaluate("ideal", "resnet20", "--form", "int16", "--weights", RESNET20,
                            "--images", "200", "--reference", "float")
        expect(got["differ"] <= 1, f"resnet20: {got}")

    def weight_scales(self):
        """An independent bit-sliced program gives 79 % with a scale for every channel and 43 %
        with one for the layer, with 1 % of the cells stuck at low resistance."""
        lossless = "adc={preset: none, bits: 16, time: 9 ns, energy: 36 pJ, area: 1650 um2}"
        for scale, low, high in ("channel", 0.72, 0.88), ("layer", 0.25, 0.60):
            got = self.evaluate("hawis", "resnet20", "--form", "int8", "--weights", RESNET20,
                                "--images", "200", "--set", lossless, "--sa0", "0.01",
                                "--trials", "4", "--set", f"net.quantise.weights={scale}")
            expect(got["weight_scale"] == scale, f"{got}")
            expect(low < got["accuracy"] < high, f"{scale}: {got}")


def main():
    if not RESNET8.exists() or not RESNET20.exists():
        print(f"1..0 # SKIP {SHARED} is not there, or not all of it")
        return
    with tempfile.TemporaryDirectory() as name:
        cases = Cases(Bitline(sys.argv[1]), unpack(pathlib.Path(name)))
        run_tests([(test.__name__, test) for test in
                   (cases.order_and_sign, cases.widths, cases.weight_scales)])


main()
