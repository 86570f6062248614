"""bitline check: one verdict for each file, whatever kind of description it is; a mistyped key is
taken for what it looks like, never for a chip's."""
import json
import sys

from support import HERE, Bitline, expect, in_folder, run_tests

NET = """name: {name}
input: {{channels: 3, height: 8, width: 8}}
classes: 10
{rest}layers:
  - {{name: conv1, kind: conv, out: 32, kernel: 3, pad: 1{groups}}}
  - {{name: fc, kind: linear, out: 10}}
"""
SWEEP = """name: a-sweep
chip: isaac-ce
net: signs
weights: train-signs
sweep: [{path: adc.bits, values: [6, 8]}]
"""
TRAIN = "name: a-training\nnet: signs\nepochs: 2\noptimiser: {rate: 0.1}\n"
SEARCH = "extends: search-synth\nname: a-search\nepisodes: 9\n"


def net(**parts):
    return NET.format(**{"name": "a-net", "rest": "", "groups": "", **parts})


# name, text of the file, what the message must say
REFUSED = [
    ("sweep, key mistyped", SWEEP.replace("sweep:", "sweeep:"),
     [":5:1: sweeep: unknown key; did you mean 'sweep'?", "most of its keys belong to a job of 'bitline sweep'"]),
    ("sweep without its key", SWEEP.partition("sweep:")[0],
     ["sweep: is missing", "most of its keys belong to a job of 'bitline sweep'", "'kind: sweep'"]),
    ("training, key mistyped", TRAIN.replace("epochs", "epochss"),
     [":3:1: epochss: unknown key; did you mean 'epochs'?", "most of its keys belong to a job of 'bitline train'"]),
    ("training without its key, but its kind", "kind: train\nname: a\nnet: signs\n",
     ["epochs: is missing"]),
    ("search, key mistyped", "name: a\nchip: hawis\nnet: resnet20\nepisods: 9\n",
     ["episods: unknown key; did you mean 'episodes'?", "most of its keys belong to a job of 'bitline search'"]),
    ("net, key mistyped", net().replace("layers:", "layer:"),
     ["layer: unknown key; did you mean 'layers'?", "most of its keys belong to a net"]),
    ("chip, key mistyped", "extends: hawis\nname: a\nadcc: {bits: 6}\n",
     [":3:1: adcc: unknown key; did you mean 'adc'?"]),
    ("no key of any kind", "name: a\ncolour: red\n", ["not a chip, network or job: none of its keys is known"]),
    ("kind mistyped", "kind: swep\n" + SWEEP,
     [":1:7: kind: 'swep' is unknown (did you mean 'sweep'?); allowed: chip, net, sweep,"]),
    ("kind that is none", "kind: [1]\n" + TRAIN, ["kind: '' is unknown; allowed: chip, net,"]),
    ("kind of another", "kind: train\n" + SWEEP, ["weights: unknown key"]),
    # 96 binary planes can be split 32-fold, 3 channels cannot; int8 is the default of nets
    ("sweep of a key that no chip has", SWEEP.replace("adc.bits", "adc.bitz"),
     [":5:9: sweep.0: --set adc.bitz: unknown key; did you mean 'bits'?"]),
    ("sweep of a key that no net has", SWEEP.replace("adc.bits", "net.levelz"),
     [":5:9: sweep.0: ", "net.levelz: unknown key; did you mean 'levels'?"]),
    ("sweep, a value out of range", SWEEP.replace("[6, 8]", "[6, 8, 99]"),
     [":5:41: sweep.0.values.2: --set adc.bits: '99' is out of range"]),
    ("sweep, second path", SWEEP[:-2] + ", {path: cell.bitz, values: [1]}]\n",
     [":5:43: sweep.1: --set cell.bitz: unknown key"]),
    ("sweep, set", SWEEP + "set: {adc: {bitz: 6}}\n",
     [":6:6: set: --set adc.bitz: unknown key; did you mean 'bits'?"]),
    ("sweep of no chip", SWEEP.replace("isaac-ce", "hawsi"),
     [":2:7: chip: there is no chip 'hawsi'; did you mean 'hawis'?"]),
    ("search, set", SEARCH + "set: {net.levelz: 6}\n", [":4:6: set: ", "net.levelz: unknown key"]),
    ("search, knob", SEARCH + "space: {knobs: [{path: adc.bitz, values: [4, 6]}]}\n",
     [":4:17: space.knobs.0: --set adc.bitz: unknown key; did you mean 'bits'?"]),
    ("search, training job", SEARCH + "accuracy: {supernet: {set: {epoch: 3}}}\n",
     [":4:22: accuracy.supernet: --set epoch: unknown key; did you mean 'epochs'?"]),
    ("groups that the default form lacks", net(groups=", groups: 32"),
     ["layers.0.groups: ", "another form, such as binary: set default_form: binary"]),
]

FINE = [
    ("net", net(), "net 'a-net' is fine\n"),
    ("net that says so", "kind: net\n" + net(), "net 'a-net' is fine\n"),
    ("chip", (HERE / "chip.yaml").read_text(encoding="utf-8"), "chip 'small' is fine\n"),
    ("chip that says so", "kind: chip\nextends: hawis\nname: a\n", "chip 'a' is fine\n"),
    ("chip of one key", "extends: hawis\nname: a\n", "chip 'a' is fine\n"),
    ("sweep", SWEEP, "job 'a-sweep' (bitline sweep) is fine\n"),
    ("sweep that says so", "kind: sweep\n" + SWEEP, "job 'a-sweep' (bitline sweep) is fine\n"),
    ("training", "kind: train\n" + TRAIN, "job 'a-training' (bitline train) is fine\n"),
    ("sweep of net and chip", SWEEP.replace("adc.bits, values: [6, 8]", "net.levels, values: [8]") +
     "set: {adc.bits: 7}\n", "job 'a-sweep' (bitline sweep) is fine\n"),
    ("search, knob of which one value fits", SEARCH +
     "space: {knobs: [{path: adc.count, values: [6, 999999]}]}\n",
     "job 'a-search' (bitline search) is fine\n"),
    ("search", SEARCH, "job 'a-search' (bitline search) is fine\n"),
]

# command, what is given to it, what the message must say
MIXED_UP = [
    (["run", "net.yaml", "chip.yaml"],
     ["net.yaml:5:3: layers: this is a net, but a chip is expected here"]),
    (["run", "chip.yaml", "sweep.yaml"],
     ["sweep.yaml:5:8: sweep: this is a job of 'bitline sweep', but a net is expected here"]),
    (["train", "sweep.yaml"], ["this is a job of 'bitline sweep', but a job of 'bitline train' is"]),
    (["search", "train.yaml"], ["this is a job of 'bitline train', but a job of 'bitline search'"]),
    (["sweep", "search-synth"], ["this is a job of 'bitline search', but a job of 'bitline sweep'"]),
]


def refused(bitline, folder, text, says):
    (folder / "file.yaml").write_text(text, encoding="utf-8")
    bitline.refuse(folder, ["check", "./file.yaml"], ["bitline: ./file.yaml:", *says])


def fine(bitline, folder, text, says):
    (folder / "file.yaml").write_text(text, encoding="utf-8")
    got = bitline.output("check", "./file.yaml", cwd=folder)
    expect(got == "./file.yaml: " + says, got)


def other_forms(bitline, folder):
    """What a form cannot have is told, and no fault of a net that is meant for another."""
    text = net(groups=", groups: 32", rest="default_form: binary\n")
    (folder / "file.yaml").write_text(text, encoding="utf-8")
    lines = bitline.output("check", "./file.yaml", cwd=folder).splitlines()
    expect(lines[0] == "./file.yaml: net 'a-net' is fine" and len(lines) == 4, lines)
    for form, line in zip(("int8", "int16", "float"), lines[1:]):
        expect(line.startswith(f"  not available in form {form}: ./file.yaml:"), lines)


def one_verdict_each(bitline, folder):
    """Files that are not fine among those that are: either a line 'is fine' or an error."""
    texts = {f"{i}.yaml": case[1] for i, case in enumerate(REFUSED)}
    texts |= {f"{i}-fine.yaml": case[1] for i, case in enumerate(FINE)}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    done = bitline.run("check", *[f"./{name}" for name in texts], cwd=folder)
    out, err = done.stdout.decode(), done.stderr.decode()
    expect(done.returncode == 2, done.returncode)
    for name in texts:
        said = (f"./{name}: " in out) + any(line.startswith(f"bitline: ./{name}:")
                                            for line in err.splitlines())
        expect(said == 1, f"{name}: {said} verdicts\n{out}{err}")
        expect((f"./{name}: " in out) == name.endswith("-fine.yaml"), f"{name}\n{out}{err}")


def mixed_up(bitline, folder, args, says):
    (folder / "net.yaml").write_text(net(), encoding="utf-8")
    (folder / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    (folder / "train.yaml").write_text(TRAIN, encoding="utf-8")
    (folder / "chip.yaml").write_text("extends: hawis\nname: a\n", encoding="utf-8")
    bitline.refuse(folder, args, says)


def write_pair(folder, layers=""):
    for name in "chip.yaml", "net.yaml":
        (folder / name).write_text((HERE / name).read_text(encoding="utf-8") +
                                   (layers if name == "net.yaml" else ""), encoding="utf-8")
    return ["check", "./chip.yaml", "./net.yaml"]


def pairs_fit(bitline, folder):
    """One chip and a net: sums of a pair of arrays, bits times bits, go from -rows to rows, so that
    they have 2 rows + 1 values; full range spreads the codes of 6 bits over them."""
    pair = write_pair(folder)
    for rows in 16, 32, 64:
        rows_set = ["--set", f"crossbar.rows={rows}"]
        done = bitline.run(*pair, *rows_set, cwd=folder)
        out, err = done.stdout.decode(), done.stderr.decode()
        expect(done.returncode == 0, err)
        result = json.loads(bitline.output("run", *pair[1:], *rows_set, "--json", cwd=folder))
        expect(f"./net.yaml on ./chip.yaml: fits in form int8: {result['crossbars']} crossbars "
               f"on {result['tiles']} of 1024 tiles\n" in out, out)
        needed = (2 * rows).bit_length()
        expect(f"  ADC 6 bits, full range; the sums of layer 'fc' lie between -{rows} and {rows} "
               f"and need {needed} bits" in out, out)
        warned = "bitline: warning: ./net.yaml on ./chip.yaml: the ADC of layer 'fc' has 6 bits"
        expect((warned in err) == (2 * rows > 2 ** 6), err)
    out = bitline.output(*pair, "./net.yaml", "hawis", cwd=folder)
    expect(out.count(" is fine\n") == 4 and "fits" not in out, out)


def pairs_that_do_not_fit(bitline, folder):
    """Both are fine, and an error says why 'run' would refuse them together."""
    small = ["--set", "noc.columns=2", "--set", "noc.rows=2"]
    for layers, args, says in (
            ("", small, ["noc.columns", "needs 20 tiles, the chip has 2 x 2 = 4"]),
            ("  - {name: square, kind: multiply, from: fc, by: fc}\n"
             "  - {name: last, kind: linear, out: 10}\n", [],
             ["layer 'square' multiplies elements", "give it tile.multiplier"])):
        pair = write_pair(folder, layers)
        done = bitline.run(*pair, *args, cwd=folder)
        out, err = done.stdout.decode(), done.stderr.decode()
        expect(done.returncode == 2 and out.count(" is fine\n") == 2 and "fits" not in out, out)
        expect(err.startswith("bitline: ./net.yaml on ./chip.yaml: ") and err.count("\n") == 1, err)
        expect(all(part in err for part in says), err)


def kind_changes_nothing(bitline, folder):
    """A chip or a net that states its kind has the same content, so the same hash."""
    chip = (HERE / "chip.yaml").read_text(encoding="utf-8")
    for name, text in (("net.yaml", net()), ("chip.yaml", chip)):
        (folder / name).write_text(text, encoding="utf-8")
        (folder / f"k{name}").write_text(f"kind: {name[:-5]}\n{text}", encoding="utf-8")
    runs = [json.loads(bitline.output("run", f"{k}chip.yaml", f"{k}net.yaml", "--json", cwd=folder))
            for k in ("", "k")]
    expect(runs[0].pop("command") != runs[1].pop("command"), "the command line")
    expect(runs[0] == runs[1], f"{runs}")


def main():
    bitline = Bitline(sys.argv[1])
    cases = [(f"refused: {name}", refused, rest) for name, *rest in REFUSED]
    cases += [(f"fine: {name}", fine, rest) for name, *rest in FINE]
    cases += [("mixed up: " + " ".join(args), mixed_up, (args, says)) for args, says in MIXED_UP]
    cases += [("forms that a net cannot have", other_forms, ()),
              ("one verdict for each file", one_verdict_each, ()),
              ("a chip and its nets", pairs_fit, ()),
              ("a chip and a net too large for it", pairs_that_do_not_fit, ()),
              ("kind changes nothing", kind_changes_nothing, ())]
    run_tests([(repr(name), in_folder(test, bitline, *args)) for name, test, args in cases])


main()
