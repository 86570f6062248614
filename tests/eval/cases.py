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
    """CIFAR-10 as its authors' files: test images, and training images for ranges."""
    to = folder / "cifar10"
    to.mkdir()
    for name in "data_batch_1", "test_batch":
        with lzma.open(SHARED / f"data/cifar10/{name}.bin.xz") as packed:
            with open(to / f"{name}.bin", "wb") as out:
                shutil.copyfileobj(packed, out)
    return f"cifar10:{to}"


class Cases:
    def __init__(self, bitline, folder):
        self.bitline = bitline
        self.folder = folder
        self.data = unpack(folder)

    def evaluate(self, *args):
        done = self.bitline.run("eval", *args, "--data", self.data, "--json")
        expect(done.returncode == 0, f"{args}: {done.stderr.decode()}")
        return json.loads(done.stdout)

    def resnet8(self, net, form, images, *args):
        return self.evaluate("ideal", CASES / f"{net}.yaml", "--weights", RESNET8, "--form", form,
                             "--images", str(images), *args)

    def order_and_sign(self):
        """MLPerf Tiny's ResNet-8: projections behind or before the main path, any number of jobs."""
        real = self.resnet8("mlperf-tiny-resnet8-5x5", "float", 1000, "--jobs", "2")["accuracy"]
        expect(real == 0.881, f"float: {real}")
        first = None
        for net in "mlperf-tiny-resnet8-5x5", "mlperf-tiny-resnet8-5x5-projfirst":
            for jobs in "1", "2", "7":
                got = self.resnet8(net, "int8", 1000, "--jobs", jobs)
                first = first or got["accuracy"]
                expect(abs(got["accuracy"] - real) <= 0.005, f"{net}, {jobs} jobs: {got}")
                expect(got["accuracy"] == first and got["differ"] == 0, f"{net}: {got}")

    def keras_padding(self):
        """The published network: Keras pads its stride-2 layers at the bottom and right."""
        net = self.folder / "resnet8-same.yaml"
        text = (CASES / "mlperf-tiny-resnet8.yaml").read_text()
        net.write_text(text.replace("stride: 2, pad: 1", "stride: 2, pad: same"))
        weights = CASES / "mlperf-tiny-resnet8.safetensors"

        def accuracy(form, images):
            return self.evaluate("ideal", net, "--weights", weights, "--form", form, "--images",
                                 str(images))["accuracy"]
        real = accuracy("float", 1000)
        expect(abs(real - 0.881) < 1e-9, f"float: {real}")
        expect(accuracy("float", 200) == 0.89, "not what the 5x5 kernels give")
        steps = accuracy("int8", 1000)
        expect(abs(steps - real) <= 0.005, f"int8: {steps}, float: {real}")

    def keyword_spotting(self):
        """MLPerf Tiny's DS-CNN on its 49 x 10 features: 10 x 4 kernels of stride 2."""
        net = self.folder / "kws.yaml"
        text = (CASES / "mlperf-tiny-kws-dscnn.yaml").read_text()
        text = text.replace("height: 58, width: 12", "height: 49, width: 10")
        net.write_text(text.replace("stride: 2}", "stride: 2, pad: same}"))
        padded_by_hand = CASES / "mlperf-tiny-kws-dscnn.yaml"
        got = []
        for file in net, padded_by_hand:
            done = self.bitline.run("run", "hawis-q8", file, "--form", "int8", "--json")
            expect(done.returncode == 0, f"{done.stderr.decode()}")
            got.append(json.loads(done.stdout))
            expect(sum(layer["macs"] for layer in got[-1]["layers"]) == 2656768, f"{file}")
        one, other = ([layer["crossbars"] for layer in result["layers"]] for result in got)
        expect(one == other, f"{one}, {other}")

    def widths(self):
        """Weights and activations of up to 16 bits each: the float net's classes but for those that
        are near."""
        for weights, activations, most in ((11, 11, 1), (12, 11, 1), (8, 16, 3), (16, 8, 4),
                                           (16, 16, 0)):
            got = self.resnet8("mlperf-tiny-resnet8-5x5", "int16", 100, "--reference", "float",
                               "--set", f"net.weight_bits={weights}",
                               "--set", f"net.activation_bits={activations}")
            expect(got["differ"] <= most, f"{weights}/{activations}: {got}")
        got = self.evaluate("ideal", "resnet20", "--form", "int16", "--weights", RESNET20,
                            "--images", "100", "--reference", "float")
        expect(got["differ"] <= 1, f"resnet20: {got}")

    def weight_scales(self):
        """An independent bit-sliced program gives 79 % with a scale for every channel and 43 %
        with one for the layer, with 1 % of the cells stuck at low resistance."""
        lossless = "adc={preset: none, bits: 16, time: 9 ns, energy: 36 pJ, area: 1650 um2}"
        for scale, low, high in ("channel", 0.72, 0.88), ("layer", 0.25, 0.60):
            got = self.evaluate("hawis", "resnet20", "--form", "int8", "--weights", RESNET20,
                                "--images", "200", "--set", lossless, "--sa0", "0.01",
                                "--trials", "3", "--set", f"net.quantise.weights={scale}")
            expect(got["weight_scale"] == scale, f"{got}")
            expect(low < got["accuracy"] < high, f"{scale}: {got}")


def main():
    if not RESNET8.exists() or not RESNET20.exists():
        print(f"1..0 # SKIP {SHARED} is not there, or not all of it")
        return
    with tempfile.TemporaryDirectory() as name:
        cases = Cases(Bitline(sys.argv[1]), pathlib.Path(name))
        run_tests([(test.__name__, test) for test in
                   (cases.order_and_sign, cases.keras_padding, cases.keyword_spotting,
                    cases.widths, cases.weight_scales)])


main()
