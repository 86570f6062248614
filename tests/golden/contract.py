"""What programs may build on: the keys and sums of the JSON, the CSV files and traces beside it, the
same bytes for the same command, chips that read back."""
import csv
import json
import math
import re
import shlex
import shutil
import sys

from support import HERE, Bitline, expect, in_folder, run_tests

RESNET20_MACS = 54_304_768  # HAWIS, Table III: 54.30 M
RESULT_KEYS = """version command chip chip_hash net net_hash form width policy seed images macs
    binary_ops crossbars tiles energy_j energy_without_leakage_j latency_s throughput_ips area_m2
    chip_area_m2 shared layers parts bottleneck""".split()
LAYER_KEYS = """name kind macs crossbars tiles latency_s compute_s wait_s transfer_s energy_j
    energy counts""".split()


def near(a, b, relative, what):
    expect(math.isclose(a, b, rel_tol=relative, abs_tol=0), f"{what}: {a!r} and {b!r} differ")


def run_json(bitline, folder, *args):
    return json.loads(bitline.output("run", *args, "--json", cwd=folder))


def check_sums(result):
    for key in RESULT_KEYS:
        expect(key in result, f"{key} is missing")
    shared = result["shared"]
    for layer in result["layers"]:
        for key in LAYER_KEYS:
            expect(key in layer, f"{key} of layer {layer.get('name')} is missing")
        near(math.fsum(layer["energy"].values()), layer["energy_j"], 1e-12, layer["name"])
    near(math.fsum(shared["energy"].values()), shared["energy_j"], 1e-12, "shared")
    near(math.fsum([shared["energy_j"], *(layer["energy_j"] for layer in result["layers"])]),
         result["energy_j"], 1e-12, "layers + shared")
    ledgers = [shared["energy"], *(layer["energy"] for layer in result["layers"])]
    leakage = math.fsum(ledger.get("leakage", 0) for ledger in ledgers)
    near(result["energy_j"] - leakage, result["energy_without_leakage_j"], 1e-9, "less leakage")
    near(result["energy_j"] * result["latency_s"], result["edp_js"], 1e-12, "energy-delay product")
    expect(sum(layer["macs"] for layer in result["layers"]) == result["macs"], "macs")
    expect(sum(layer["crossbars"] for layer in result["layers"]) == result["crossbars"], "crossbars")
    expect(0 < result["area_m2"] < result["chip_area_m2"], "areas")


def keys_and_sums(bitline, folder, *args):
    result = run_json(bitline, folder, *args)
    check_sums(result)
    expect(result["command"] == shlex.join(["bitline", "run", *args, "--json"]), result["command"])


def main_job(bitline, folder):
    result = run_json(bitline, folder, "hawis", "resnet20")
    expect(result["macs"] == result["binary_ops"] == RESNET20_MACS, "operations")
    expect(result["policy"] == "exact" and result["form"] == "binary", "defaults")
    expect(result["throughput_estimated"] is True, "one image gives no throughput")
    layers = [layer["name"] for layer in result["layers"]]
    expect(len(layers) == 1 + 9 * 3 + 1 and layers[0] == "conv1" and layers[-1] == "linear",
           f"layers: {layers}")


def same_bytes(bitline, folder):
    for ending in ("json", "csv", "paje"):
        args = ["run", "hawis", "resnet20", "--images", "2", "--trace", f"t.{ending}", "--csv", "c"]
        outputs = []
        for _ in range(2):
            text = bitline.output(*args, "--json", cwd=folder)
            files = [folder / f"t.{ending}", *sorted((folder / "c").iterdir())]
            outputs.append([text, *(file.read_bytes() for file in files)])
        expect(outputs[0] == outputs[1], f"two runs with a .{ending} trace differ")


def measured_activity(bitline, folder):
    """At what the chip assumes, nothing changes, to the last bit; the crossbars' part is
    proportional to the word lines that are on."""
    assumed = run_json(bitline, folder, "hawis", "resnet20")
    crossbars = [layer["name"] for layer in assumed["layers"] if layer["crossbars"]]

    def write(inputs_on, **changes):
        file = {"version": "1", "command": "made up", "chip": "hawis", "chip_hash": "0",
                "net": "resnet20", "net_hash": assumed["net_hash"], "form": "binary",
                "data": "none", "images": 1, "dac_bits": 1, "cell_bits": 1, "arrays": 2,
                "offset_column": False, "subtract_after": False,
                "layers": [{"layer": name, "inputs_on": inputs_on, "cells_lrs": 0.33,
                            "conversions_nonzero": 1} for name in crossbars], **changes}
        (folder / "a.json").write_text(json.dumps(file), encoding="utf-8")
        return ["hawis", "resnet20", "--activity", "a.json"]

    same = run_json(bitline, folder, *write(0.1))
    expect(same["energy_j"] == same["energy_assumed_activity_j"] == assumed["energy_j"],
           f"{same['energy_j']} {assumed['energy_j']}")
    more = run_json(bitline, folder, *write(0.3))
    expect(more["energy_assumed_activity_j"] == assumed["energy_j"], "the assumed total")
    part = math.fsum(layer["energy"].get("crossbar", 0) for layer in assumed["layers"])
    near(more["energy_j"] - assumed["energy_j"], 2 * part, 1e-9, "three times the word lines")
    check_sums(more)
    run = ["run", *write(0.1)]
    text = bitline.output(*run, cwd=folder)
    for words in ("(measured activity)", "  at the assumed activity"):
        expect(words in text, f"no '{words}' in\n{text}")
    for options, changes, says in (
            ([], {"net_hash": "12"}, "was measured on another net"),
            ([], {"dac_bits": 2}, "other DAC bits, cell bits, polarity or encoding"),
            ([], {"flip": True}, "other DAC bits, cell bits, polarity or encoding"),
            ([], {"layers": []}, "has nothing on layer 'conv1'"),
            ([], {"images": 0}, "images"), ([], {"voltage": 1}, "unknown key"),
            (["--policy", "mnsim"], {}, "policy mnsim charges an activity of its own"),
            (["--set", "cell.read_energy=1 fJ"], {}, "a read costs the same whatever the data")):
        write(0.1, **changes)
        bitline.refuse(folder, [*run, *options], [says])


def parts_have_names(bitline, folder, *args):
    """No two rows of the table of shared parts have the same name."""
    names = [part["name"] for part in run_json(bitline, folder, *args)["parts"]]
    twice = sorted({name for name in names if names.count(name) > 1})
    expect(len(names) > 10 and not twice, f"{len(twice)} of {len(names)} twice, as {twice[:3]}")


def shortened_tables_say_so(bitline, folder):
    """A table that leaves rows out says how many it has, of how many, and where all are."""
    text = bitline.output("run", "hawis", "resnet18", cwd=folder)
    said = re.search(r"^Longest waits \((\d+) of (\d+) parts .*; --json lists all\)$", text, re.M)
    expect(said, text)
    rows = text[said.end():].lstrip("\n").partition("\n\n")[0].splitlines()[2:]
    waited = [part for part in run_json(bitline, folder, "hawis", "resnet18")["parts"]
              if part["wait_s"] > 0]
    expect([len(rows), len(waited)] == [int(n) for n in said.groups()] and len(rows) < len(waited),
           f"{said.group()}: {len(rows)} rows, {len(waited)} parts")
    text = bitline.output("search", "search-resnet20", "--agent", "random", "--episodes", "300",
                          "--set", "cost.events=false", "--out", "s",
                          cwd=folder)
    said = re.search(r"^front    (\d+) of (\d+) networks shown, evenly spaced; front.csv lists all$", text,
                     re.M)
    front = len((folder / "s/front.csv").read_text(encoding="utf-8").splitlines()) - 2
    rows = len(re.findall(r"^front \d+/\d+ ", text, re.M))
    expect(said and [rows, front] == [int(n) for n in said.groups()] and rows < front,
           f"{rows} rows, {front} nets\n{text}")


def read_table(path):
    with open(path, encoding="utf-8", newline="") as file:
        head = file.readline()
        expect(head.startswith("# bitline ") and "policy" in head, f"{path}: no provenance")
        return list(csv.DictReader(file))


def tables_agree(bitline, folder):
    result = run_json(bitline, folder, "hawis", "resnet20", "--images", "2", "--csv", "c")
    summary = {row["key"]: row["value"] for row in read_table(folder / "c/summary.csv")}
    for key, text in summary.items():
        value = result["shared"]["energy_j"] if key == "shared_j" else result[key]
        expect(text == value if isinstance(value, str) else float(text) == value,
               f"summary.csv: {key} is {text}, the JSON says {value}")
    rows = read_table(folder / "c/layers.csv")
    expect([row["layer"] for row in rows] == [layer["name"] for layer in result["layers"]], "layers")
    for row, layer in zip(rows, result["layers"]):
        for key, text in row.items():
            if key not in ("layer", "kind"):
                expect(float(text) == layer[key], f"layers.csv: {row['layer']} {key} is {text}")
    parts = {}
    for row in read_table(folder / "c/parts.csv"):
        parts.setdefault(row["layer"], {})[row["part"]] = float(row["energy_j"])
    ledgers = {layer["name"]: layer["energy"] for layer in result["layers"]}
    expect(parts == {**ledgers, "shared": result["shared"]["energy"]}, "parts.csv")
    shared = [(part["name"], part["busy_s"], part["wait_s"]) for part in result["parts"]]
    expect(shared == [(row["part"], float(row["busy_s"]), float(row["wait_s"]))
                      for row in read_table(folder / "c/shared.csv")], "shared.csv")
    slices = read_table(folder / "c/slices.csv")
    for layer in result["layers"]:
        expect(layer["crossbars"] == sum(row["layer"] == layer["name"] for row in slices), "slices")
    places = {(row["tile"], row["pe"], row["crossbar"]) for row in slices}
    expect(len(places) == len(slices), "slices.csv: an address twice")


def paje_energy(path):
    """The sum of the spans' energies: the last field of PajePushState, record 6."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return math.fsum(float(line.split()[-1]) for line in lines if line.startswith("6 "))


def trace_sums(bitline, folder, images, ending):
    path = folder / f"run.{ending}"
    result = run_json(bitline, folder, "hawis", "resnet20", "--images", str(images), "--trace", path)
    whole = images * result["energy_without_leakage_j"]
    if ending == "paje":
        near(paje_energy(path), whole, 1e-9, "energy of the spans")
        return
    trace = json.loads(bitline.output("trace", path, "--json", cwd=folder))
    near(trace["energy_j"], whole, 1e-9, "energy of the trace")
    near(math.fsum(layer["energy_j"] for layer in trace["layers"]), whole, 1e-9, "its layers")
    near(trace["end_s"], result["run_s"], 1e-9, "its end")


def chip_reads_back(bitline, folder, chip):
    """What show prints is the chip: the same content, the same hash, the same results."""
    text = bitline.output("show", "chip", chip)
    (folder / "copy.yaml").write_text(text, encoding="utf-8")
    again = bitline.output("show", "chip", "./copy.yaml", cwd=folder)
    bare = [re.sub(r" +# .*", "", shown) for shown in (text, again)]
    expect(bare[0] == bare[1], "a copy prints otherwise")
    first = run_json(bitline, folder, chip, "resnet20")
    second = run_json(bitline, folder, "./copy.yaml", "resnet20")
    expect(first.pop("command") != second.pop("command"), "the command line")
    expect(first == second, "a copy gives other results")


def hash_tells(bitline, folder):
    """A hash stands for the content: it knows neither names of files nor comments, but values."""
    def hashes(*args):
        result = run_json(bitline, folder, *args)
        return result["chip_hash"], result["net_hash"]
    plain = hashes("hawis", "resnet20")
    expect(hashes("hawis", "resnet20", "--images", "2") == plain, "images are no part of a chip")
    expect(hashes("hawis", "resnet20", "--set", "adc.count=128") == plain, "the value it had")
    chip, net = hashes("hawis", "resnet20", "--set", "adc.count=64")
    expect(chip != plain[0] and net == plain[1], "another chip")
    chip, net = hashes("hawis", "resnet20", "--width", "2x")
    expect(chip == plain[0] and net != plain[1], "another net")


def inherited_keys(bitline, folder):
    """Of all values that show chip prints, exactly those that neither the file nor --set states."""
    for name in ("chip.yaml", "over.yaml"):
        shutil.copy(HERE / name, folder / name)
    chip = ["show", "chip", "./over.yaml", "--set", "adc.count=8"]
    values = re.findall(r"^ *(\w+): +\S.*?  +# (\S.*)$", bitline.output(*chip, cwd=folder), re.M)
    wanted = sorted(value for value in values
                    if not value[1].startswith(("./over.yaml:", "--set ")))
    text = bitline.output(*chip, "--inherited", cwd=folder)
    rows = re.findall(r"^(\S+)  .*  (\S+)$", text.partition("\n\n")[0], re.M)[2:]
    got = sorted((path.rpartition(".")[2], source) for path, source in rows)
    expect(got == wanted and len(got) > 90, f"{got}\n{wanted}\n{text}")
    expect(("cell.r_lrs", "./chip.yaml:5") in rows and ("cell.write_time", "default") in rows, text)
    own = len(values) - len(wanted)
    defaults = sum(source == "default" for _, source in got)
    expect(text.endswith(f"\n{own} values are stated in ./over.yaml or by --set, {len(got) - defaults} "
                         f"are inherited from chips that it extends, {defaults} are defaults\n"), text)


def codes(result):
    return [warning["code"] for warning in result["warnings"]]


def implausible_hardware(bitline, folder):
    """Warnings stand in JSON, and on stderr sentence by sentence; not in the text on stdout."""
    run = ["run", "isaac-ce", "vgg8", "--form", "int8"]
    result = run_json(bitline, folder, *run[1:])
    expect(codes(result) == ["mixed-technology", "programming-power"], f"{result['warnings']}")
    power = result["program_energy_j"] / result["program_time_s"]
    expect(power > 75 and f"= {power:.4g} W is above 75 W" in result["warnings"][1]["text"],
           f"{power}: {result['warnings']}")
    done = bitline.run(*run, cwd=folder)
    expect(done.stderr.decode().splitlines() ==
           ["bitline: warning: " + warning["text"] for warning in result["warnings"]],
           done.stderr.decode())
    expect(b"warning" not in done.stdout, done.stdout.decode())
    resnet = run_json(bitline, folder, "hawis", "resnet20")
    expect(codes(resnet) == ["die-area", "mixed-technology"], f"{resnet['warnings']}")
    expect(f"{resnet['chip_area_m2'] * 1e6:.6g} mm2" in resnet["warnings"][0]["text"],
           f"{resnet['chip_area_m2']}: {resnet['warnings']}")
    small = run_json(bitline, folder, HERE / "chip.yaml", HERE / "net.yaml")
    expect(codes(small) == ["adc-clips"], f"{small['warnings']}")
    exact = run_json(bitline, folder, HERE / "chip.yaml", HERE / "net.yaml", "--set",
                     "adc={preset: none, bits: 7, time: 1 ns, energy: 1 pJ, area: 1 um2}")
    expect(codes(exact) == [], f"{exact['warnings']}")
    ev = ["eval", "hawis", "signs", "--weights", "train-signs", "--images", "20", "--sigma"]
    for sigma, says in (("1.5", []), ("1.6", ["variation"])):
        text = bitline.output(*ev, sigma, "--json", cwd=folder)
        expect([code for code in codes(json.loads(text)) if code == "variation"] == says, text)
    check = bitline.run("check", "hawis", "--set", "cell.r_hrs=5 kohm", cwd=folder)
    expect(check.returncode == 0 and b"5 kohm / 3 kohm = 1.67 is below 2" in check.stderr,
           check.stderr.decode())


def check_says_fine(bitline, folder):
    """Chips, nets and jobs, those of figure3 with the weights that they want."""
    names = [line.split()[0] for kind in ("chips", "nets", "workloads")
             for line in bitline.output("list", kind).splitlines()[2:]]
    expect({"hawis", "resnet20", "search-synth"} <= set(names), f"names: {names}")
    figures = [name for name in names if "figure3" in name]
    names = [name for name in names if name not in figures]
    text = bitline.output("check", *names, cwd=folder)
    text += bitline.output("check", *figures, "--set", "weights=train-signs", cwd=folder)
    names += figures
    expect(text.count(" is fine\n") == len(names), text)


def path_is_searched(bitline, folder):
    """BITLINE_PATH: chips, nets, jobs and weights, in D or in the folder of their kind, by name."""
    chip = (HERE / "chip.yaml").read_text(encoding="utf-8")
    net = (HERE / "net.yaml").read_text(encoding="utf-8")
    job = "extends: search-synth\nname: job\n"
    weights = bytes.fromhex("0200000000000000") + b"{}"  # a safetensors file without tensors
    places = {"chips": [("chips/my-chip.yaml", chip), ("top-chip.yaml", chip)],
              "nets": [("nets/my-net.yaml", net), ("zoo/zoo-net.yaml", net), ("top-net.yaml", net)],
              "workloads": [("workloads/my-job.yaml", job), ("top-job.yaml", job)],
              "weights": [("weights/my-weights.safetensors", weights),
                          ("workloads/job-weights.safetensors", weights),
                          ("top-weights.safetensors", weights)]}
    names = {}
    for kind, files in places.items():
        names[kind] = [path.rpartition("/")[2].partition(".")[0] for path, _ in files]
        for path, data in files:
            (folder / "D" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "D" / path).write_bytes(data if isinstance(data, bytes) else data.encode())
    bitline.env["BITLINE_PATH"] = f"nowhere:{folder / 'D'}"
    try:
        for kind, wanted in names.items():
            listed = [line.split()[0] for line in bitline.output("list", kind).splitlines()[2:]]
            others = {name for other in names if other != kind for name in names[other]}
            expect(set(wanted) <= set(listed) and listed == sorted(set(listed)) and
                   not others & set(listed), f"list {kind}: {listed}")
            if kind != "weights":
                text = bitline.output("check", *wanted, cwd=folder)
                expect(text.count(" is fine\n") == len(wanted), text)
        for chip, net in zip(names["chips"] + ["my-chip"], names["nets"], strict=True):
            run_json(bitline, folder, chip, net)
        for name in names["weights"]:
            bitline.refuse(folder, ["eval", "hawis", "signs", "--weights", name],
                           ["/D/", f"{name}.safetensors: "])
    finally:
        del bitline.env["BITLINE_PATH"]


def answers_are_classes(bitline, folder):
    """eval takes the largest output for the answer: a map, or other numbers of outputs, have none."""
    text = (HERE / "net.yaml").read_text()
    for name, last in (("map", "  - {name: fc, kind: conv, out: 10, kernel: 3}\n"),
                       ("outputs", "  - {name: fc, kind: conv, out: 9, kernel: 8}\n")):
        (folder / f"{name}.yaml").write_text(text.replace("  - {name: fc, kind: linear, out: 10}\n",
                                                          last))
        for form in ("int8", "float", "binary"):
            bitline.refuse(folder, ["eval", "ideal", f"{name}.yaml", "--form", form, "--weights",
                                    "signs"],
                           ["its last layer 'fc' leaves ", "not one for each of the 10 classes"])


def main():
    bitline = Bitline(sys.argv[1])
    cases = [("the main job", main_job, ()), ("same bytes", same_bytes, ()),
             ("measured activity", measured_activity, ()), ("tables", tables_agree, ()),
             ("hashes", hash_tells, ()), ("what ships is fine", check_says_fine, ()),
             ("BITLINE_PATH", path_is_searched, ()),
             ("implausible hardware", implausible_hardware, ()),
             ("inherited keys", inherited_keys, ()),
             ("answers are classes", answers_are_classes, ()),
             ("shortened tables", shortened_tables_say_so, ())]
    for args in (["hawis", "resnet20"], ["hawis", "resnet20", "--images", "3"],
                 ["hawis", "resnet20", "--policy", "mnsim"],
                 ["hawis", "resnet20", "--tokens", "windows"], ["hawis-q8", "vgg8"],
                 ["isaac-ce", "lenet5", "--form", "int16", "--set", "tile.pes=2"],
                 [str(HERE / "chip.yaml"), str(HERE / "net.yaml")]):
        cases.append(("sums: " + " ".join(args), keys_and_sums, args))
    for args in (["hawis", "resnet18"], ["hawis", "resnet20", "--replicate", "60"],
                 ["hawis-q8", "lenet5", "--replicate", "40", "--map", "dense"], ["hawis", "mlp"],
                 ["isaac-ce", "resnet8", "--form", "int8"], ["hawis-sa", "resnet20"]):
        cases.append(("names of parts: " + " ".join(args), parts_have_names, args))
    for ending in ("json", "csv", "paje"):
        cases += [(f"trace: {n} images, .{ending}", trace_sums, (n, ending)) for n in (1, 4)]
    cases += [(f"chip {name} reads back", chip_reads_back, (name,)) for name in
              ("hawis", "hawis-q8", "hawis-sa", "hawis-tolerance", "ideal", "isaac-ce",
               "mnsim-default")]
    run_tests([(name, in_folder(test, bitline, *args)) for name, test, args in cases])


main()
