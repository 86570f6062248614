"""A name is text in every file that holds it, or it is refused; a path may hold anything.

names.py BITLINE SUPPORT_FOLDER
"""
import contextlib
import csv
import json
import pathlib
import re
import shlex
import shutil
import sqlite3
import struct
import sys
import xml.etree.ElementTree as xml

sys.path.insert(0, sys.argv[2])
from support import Bitline, expect, in_folder, run_tests  # noqa: E402

try:
    import yaml
except ImportError:  # the program reads its own files back in any case
    yaml = None

NET = """\
name: {net}
description: {text}
input: {{channels: 1, height: 28, width: 28, bits: 8}}
classes: 10
levels: 4
default_form: binary
layers:
  - {{name: first, kind: conv, out: 4, kernel: 3, stride: 4, pad: 1}}
  - {{name: {layer}, kind: conv, out: 8, kernel: 3, stride: 2, pad: 1}}
  - {{name: pool, kind: head}}
  - {{name: last, kind: linear, out: 10}}
"""
CHIP = "extends: hawis\nname: {chip}\ndescription: {text}\n"
JOB = "name: {job}\ndescription: {text}\nnet: ./net.yaml\nform: binary\n"
TRAIN = JOB + """\
data: {data}
images: 60
test_images: 20
epochs: 1
batch: 20
seed: 3
backend: reference
optimiser: {{kind: sgd, rate: 0.1, momentum: 0.9}}
"""
SWEEP = JOB + """\
chip: ./chip.yaml
weights: {weights}
data: {data}
images: 20
trials: 2
sweep:
  - {{path: sa0, values: [0, 0.1]}}
"""
SEARCH = JOB + """\
chip: ./chip.yaml
accuracy: {{source: formula, formula: {{ceiling: 0.9, loss: 0.1, power: 1.2, front: 2}}}}
agent: random
episodes: 4
"""
PLAIN = {"net": "net", "layer": "c2", "chip": "chip", "job": "job", "text": "plain", "data": "synth",
         "weights": "./trained/weights.safetensors"}

HOSTILE = [
    "x'; system('touch HIT'); set title 'y", "x''; system('touch HIT'); set title ''y",
    "x\"; system('touch HIT'); set title \"y", "`touch HIT`", "$(touch HIT)",
    "x\nsystem('touch HIT')\n", "x\\\"; system('touch HIT') #", "C:\\new\\x41", "a,b", "=1+1",
    "=cmd|' /C calc'!A0", "@SUM(A1)", "<script>alert(1)</script>", "two\nlines", "\x1b[31mred", "\x07",
    "tab\there", "\x7f", "\x9b31m", "\u202eright", "\u2028", "\ufeffx", " x", "x ", "", "n" * 200,
    "\u6f22" * 40, "odd 'n' \"\u00e4\" \n #x: [y]",
]
# Within the rule, and as odd as it allows.
GOOD = {
    "net": "net) \u00e4/\u6f22\u5b57 @2:0 + \U0001f600 - x_y.z",
    "layer": "/layer1/Conv 2:0 (\u00e9) @+.-_",
    "chip": "\u6f22" * 33,  # 99 bytes
    "job": "_-." + "j" * 77,
    "text": "'quotes\", \\, `touch HIT`, $(touch HIT), =1+1, <b>&amp;, \u00e4 #x: [y]",
}
ODD_PATHS = ["a 'b\" $(touch HIT) `touch HIT`;touch HIT", "=1+1,\"x\"", "new\nline \x1b[31m\u202e\t", "-rf",
             "%s%n {x} [y] \\"]
SVG = "{http://www.w3.org/2000/svg}text"


def quoted(text):
    """A scalar of YAML: JSON, but for characters that YAML wants as numbers."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}"
                   for char in json.dumps(text, ensure_ascii=False))


def prepare(folder, **names):
    texts = {key: quoted(text) for key, text in (PLAIN | names).items()}
    for name, text in (("net", NET), ("chip", CHIP), ("train", TRAIN), ("sweep", SWEEP),
                       ("search", SEARCH)):
        (folder / f"{name}.yaml").write_text(text.format(**texts), encoding="utf-8")


def is_clean(text, ends="\n"):
    """Nothing that a terminal would obey."""
    return all(char.isprintable() or char in ends for char in text)


def clean_run(bitline, folder, *args, codes=(0,)):
    done = bitline.run(*args, cwd=folder)
    out, err = (stream.decode("utf-8") for stream in (done.stdout, done.stderr))
    said = f"{args}: exit {done.returncode}\n{err}"
    expect(done.returncode in codes, said)
    expect(is_clean(out) and is_clean(err), f"{said}{out!r}\n{err!r}")
    expect(not list(folder.rglob("HIT")), f"{said}a command was run")
    return out


# --- Bad names ---


def commands_of(what):
    """Those that read it, and the file and key that they have to name."""
    net = [["check", "net.yaml"], ["show", "net", "./net.yaml"], ["run", "hawis", "./net.yaml"],
           ["eval", "hawis", "./net.yaml", "--weights", "w.safetensors"], ["train", "train.yaml"], ["check", "train.yaml"],
           ["sweep", "sweep.yaml"], ["search", "search.yaml"], ["check", "search.yaml"]]
    chip = [["check", "chip.yaml"], ["show", "chip", "./chip.yaml"], ["run", "./chip.yaml", "lenet5"],
            ["eval", "./chip.yaml", "lenet5", "--weights", "w.safetensors"],
            ["sweep", "sweep.yaml"], ["search", "search.yaml"]]
    job = [[command, f"{kind}.yaml"] for kind in ("train", "sweep", "search")
           for command in ("check", kind)]
    return {"net": net, "layer": net, "chip": chip, "job": job}[what]


def refused(bitline, folder, what):
    """All but what the rule allows, by every command, with the place, before anything is written."""
    for text in HOSTILE:
        prepare(folder, **{what: text})
        place = {"net": "net.yaml:1:7: name: ", "layer": "net.yaml:9:12: layers.1.name: ",
                 "chip": "chip.yaml:2:7: name: ", "job": ".yaml:1:7: name: "}[what]
        for args in commands_of(what):
            bitline.refuse(folder, args, [place])


def tensors_are_named_apart(bitline, folder):
    """The batch-norm of conv1 is called bn1; a layer of that name would share its tensors."""
    prepare(folder, layer="bn1")
    net = (folder / "net.yaml").read_text("utf-8").replace("name: first,", "name: conv1,")
    (folder / "net.yaml").write_text(net, encoding="utf-8")
    for args in (["check", "net.yaml"], ["check", "train.yaml"], ["train", "train.yaml"]):
        bitline.refuse(folder, args, ["net: two of its tensors would be called 'bn1.weight'"])


def free_text_is_checked(bitline, folder):
    for text in ("\x1b[31mred", "bell\x07", "\x9b31m", "\x7f"):
        prepare(folder, text=text)
        for kind in ("net", "chip", "train", "sweep", "search"):
            bitline.refuse(folder, ["check", f"{kind}.yaml"],
                           [f"{kind}.yaml:{3 if kind == 'chip' else 2}:14: description: ", "contains control characters"])


def data_is_checked(bitline, folder):
    for text in HOSTILE:
        prepare(folder, data=text)
        if text:  # none is that of the net's input
            bitline.refuse(folder, ["train", "train.yaml", "--out", "out"], [])
        bitline.refuse(folder, ["eval", "hawis", "lenet5", "--data", text], [])


# --- Good ones ---


def rows_of(path):
    """The comments and the records of a CSV file."""
    lines = path.read_text("utf-8").split("\n")
    expect(lines[-1] == "" and is_clean("".join(lines), ""), f"{path}: {lines}")
    comments = [line for line in lines if line.startswith("#")]
    body = [line for line in lines[:-1] if not line.startswith("#")]
    records = list(csv.reader(body, strict=True))
    expect(all(len(record) == len(records[0]) for record in records), f"{path}: {records}")
    return comments, [dict(zip(records[0], record, strict=True)) for record in records[1:]]


def columns(path, key):
    return {row[key] for row in rows_of(path)[1]}


def texts_of(path):
    """What a picture shows; none where gnuplot is missing."""
    if not path.exists():
        expect(not shutil.which("gnuplot"), f"{path} is missing")
        return None
    return "\n".join(element.text or "" for element in xml.parse(path).iter(SVG))


def shows(path, *wanted):
    texts = texts_of(path)
    for text in wanted:
        expect(texts is None or text in texts, f"{path}: {text!r} is not in {texts!r}")


def read_yaml(path):
    return yaml.safe_load(path.read_text("utf-8")) if yaml else None


def in_store(path):
    """All texts of a store."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return [str(value) for table in tables for row in db.execute(f"SELECT * FROM \"{table}\"")
                for value in row]


def run_keeps_names(bitline, folder):
    prepare(folder, **GOOD)
    layers = {"first", GOOD["layer"], "last"}
    args = ["run", "./chip.yaml", "./net.yaml", "--csv", "tables", "--trace"]
    result = json.loads(clean_run(bitline, folder, *args, "t.json", "--json"))
    expect((result["net"], result["chip"]) == (GOOD["net"], GOOD["chip"]), result)
    expect(layers <= {layer["name"] for layer in result["layers"]}, result["layers"])
    summary = {row["key"]: row["value"] for row in rows_of(folder / "tables/summary.csv")[1]}
    expect((summary["net"], summary["chip"]) == (GOOD["net"], GOOD["chip"]), summary)
    for name in ("layers", "parts", "slices"):
        expect(layers <= columns(folder / f"tables/{name}.csv", "layer"), name)
    for path in (folder / "tables").iterdir():
        comments = rows_of(path)[0]
        expect(len(comments) == 1 and GOOD["net"] in comments[0] and GOOD["chip"] in comments[0],
               f"{path}: {comments}")
    text = clean_run(bitline, folder, *args, "t.csv")
    expect(all(name in text for name in (GOOD["net"], GOOD["layer"], GOOD["chip"])), text)
    clean_run(bitline, folder, *args, "t.paje")
    traces_keep_names(bitline, folder, layers)


def traces_keep_names(bitline, folder, layers):
    trace = json.loads((folder / "t.json").read_text("utf-8"))
    names = {event["args"]["name"] for event in trace["traceEvents"] if event["name"] == "layer"}
    expect(layers <= names, names)
    head = trace["otherData"]
    expect((head["net"], head["chip"]) == (GOOD["net"], GOOD["chip"]), head)
    comments, rows = rows_of(folder / "t.csv")
    expect(layers <= {row["layer"] for row in rows}, rows[:9])
    expect(f"# net: {GOOD['net']}" in comments and f"# layer: {GOOD['layer']}" in comments, comments)
    paje = (folder / "t.paje").read_text("utf-8")
    expect(all(f'"{name}"' in paje for name in (GOOD["layer"], GOOD["chip"], GOOD["net"])),
           "a name is not in the Paje trace")
    for name in ("t.json", "t.csv"):
        summed = json.loads(clean_run(bitline, folder, "trace", name, "--json"))
        expect(GOOD["layer"] in json.dumps(summed, ensure_ascii=False), summed)
        expect(GOOD["layer"] in clean_run(bitline, folder, "trace", name), name)


def files_keep_names(bitline, folder):
    prepare(folder, **GOOD)
    for name in ("net", "chip", "train", "search"):
        text = clean_run(bitline, folder, "check", f"{name}.yaml")
        expect(f"'{GOOD[name if name in GOOD else 'job']}'" in text, text)
    text = clean_run(bitline, folder, "show", "net", "./net.yaml")
    expect(GOOD["net"] in text and GOOD["layer"] in text and GOOD["text"] in text, text)
    text = clean_run(bitline, folder, "show", "chip", "./chip.yaml")
    (folder / "again.yaml").write_text(text, encoding="utf-8")
    expect(f"'{GOOD['chip']}'" in clean_run(bitline, folder, "check", "again.yaml"), text)
    if yaml:
        shown = yaml.safe_load(text)
        expect((shown["name"], shown["description"]) == (GOOD["chip"], GOOD["text"]), shown)


def trained(bitline, folder, out="trained"):
    clean_run(bitline, folder, "train", "train.yaml", "--out", out)
    data = (folder / out / "weights.safetensors").read_bytes()
    return json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])


def weights_keep_names(bitline, folder):
    """Train, then eval, sweep and run --activity, which read what it wrote."""
    prepare(folder, **GOOD)
    tensors = trained(bitline, folder)
    for layer in ("first", GOOD["layer"], "last"):
        expect(f"{layer}.weight" in tensors, f"{layer}: {list(tensors)}")
    job = read_yaml(folder / "trained/job.yaml")
    expect(not job or (job["name"], job["description"]) == (GOOD["job"], GOOD["text"]), job)
    weights = ["--weights", "trained/weights.safetensors", "--images", "20"]
    args = ["eval", "./chip.yaml", "./net.yaml", *weights]
    text = clean_run(bitline, folder, *args, "--json", "--activity", "activity.yaml")
    expect(GOOD["net"] in json.dumps(json.loads(text), ensure_ascii=False), text)
    text = clean_run(bitline, folder, *args, "--adc")
    expect(all(name in text for name in (GOOD["net"], GOOD["layer"], GOOD["chip"])), text)
    activity = read_yaml(folder / "activity.yaml")
    expect(not activity or (activity["net"], activity["chip"]) == (GOOD["net"], GOOD["chip"]), activity)
    clean_run(bitline, folder, "run", "./chip.yaml", "./net.yaml", "--activity", "activity.yaml")
    clean_run(bitline, folder, "sweep", "sweep.yaml", "--out", "swept")
    expect(GOOD["job"] in in_store(folder / "swept/run.db"), "the job's name is not in the store")
    expect(GOOD["job"] in rows_of(folder / "swept/points.csv")[0][0], "points.csv")
    expect(GOOD["job"] in json.dumps(json.loads((folder / "swept/points.json").read_text("utf-8"))),
           "points.json")
    shows(folder / "swept/accuracy.svg", GOOD["job"])


def search_keeps_names(bitline, folder):
    prepare(folder, **GOOD)
    text = clean_run(bitline, folder, "search", "search.yaml", "--out", "out")
    expect(all(name in text for name in (GOOD["job"], GOOD["net"], GOOD["chip"])), text)
    found = json.loads(clean_run(bitline, folder, "search", "search.yaml", "--out", "out", "--resume",
                                 "--json"))
    expect(GOOD["net"] in json.dumps(found, ensure_ascii=False), found)
    for name in ("front", "episodes", "references"):
        expect(GOOD["job"] in rows_of(folder / f"out/{name}.csv")[0][0], name)
    for path in [folder / "out/best.yaml", *(folder / "out/nets").glob("*.yaml")]:
        expect(f"'{GOOD['job']}-{path.stem}'" in clean_run(bitline, folder, "check", path), path)
        net = read_yaml(path)
        expect(not net or (net["layers"][1]["name"] == GOOD["layer"] and GOOD["net"] in net["description"]),
               net)
    expect(GOOD["job"] in in_store(folder / "out/search.db"), "the job's name is not in the store")
    shows(folder / "out/front.svg", f"{GOOD['job']}: {GOOD['net']} on {GOOD['chip']}")
    shows(folder / "out/channels.svg", f"({GOOD['layer']})")


# --- Paths ---


def words_of(command):
    """Its arguments as a shell reads them."""
    words = shlex.split(command)
    expect(words[0] == "bitline", command)
    return words[1:]


def odd_paths(bitline, folder):
    """Folders, tables, traces, weights and jobs of any name; the command reads back."""
    for number, odd in enumerate(ODD_PATHS):
        home = folder / str(number) / odd
        home.mkdir(parents=True)
        prepare(home, weights=f"./{odd}/weights.safetensors")
        out = f"./{odd}"
        args = ["run", "./chip.yaml", "./net.yaml", "--csv", out + "/tables", "--trace", out + "t.json"]
        result = json.loads(clean_run(bitline, home, *args, "--json"))
        expect(words_of(result["command"]) == [*args, "--json"], result["command"])
        text = clean_run(bitline, home, *args)
        summary = {row["key"]: row["value"] for row in rows_of(home / odd / "tables/summary.csv")[1]}
        if is_clean(odd, ""):
            expect(words_of(summary["command"]) == args, summary["command"])
            hint = re.search(r"\(summary: bitline (trace .*?)(; opens in Perfetto)?\)$", text,
                             re.M).group(1)
            expect(shlex.split(hint) == ["trace", out + "t.json"], hint)
        clean_run(bitline, home, "trace", out + "t.json")
        for kind in ("train", "sweep", "search"):
            to = out if kind == "train" else f"{out}-{kind}"
            clean_run(bitline, home, kind, f"{kind}.yaml", "--out", to)
            clean_run(bitline, home, kind, f"{kind}.yaml", "--out", to, "--resume", "--json")
        clean_run(bitline, home, "eval", "hawis", "./net.yaml", "--images", "10", "--weights",
                  f"{out}/weights.safetensors")
        for path in home.rglob("*.svg"):
            texts_of(path)


def odd_paths_are_refused(bitline, folder):
    """A file that is not there is named on one line."""
    for odd in ODD_PATHS:
        if odd.startswith("-"):
            continue
        for args in (["run", "hawis", f"./{odd}.yaml"], ["check", f"./{odd}.yaml"],
                     ["show", "net", f"./{odd}.yaml"], ["trace", f"./{odd}.json"],
                     ["train", f"./{odd}.yaml"], ["sweep", f"./{odd}.yaml"], ["search", f"./{odd}.yaml"],
                     ["eval", "hawis", "lenet5", "--weights", f"./{odd}"],
                     ["eval", "hawis", "lenet5", "--data", f"mnist:./{odd}"]):
            bitline.refuse(folder, args, [])


def arguments_are_shown(bitline, folder):
    """Those that no command has, in argp's messages too."""
    for odd in [*ODD_PATHS, "\x1b[31m", "a\nb"]:
        for args in ([odd], ["run", "--" + odd], ["run", "-\x1b"], ["list", odd], ["run", "a", "b", odd],
                     ["show", "chip", "hawis", odd], ["trace", "a", odd], ["trace", "--top", odd, "a"],
                     ["sweep", "a", odd], ["train", "--jobs", odd, "a"], ["run", "--set", odd, "a", "b"]):
            clean_run(bitline, folder, *args, codes=(2,))


def no_text_at_all(bitline, folder):
    """A path that is no UTF-8."""
    prepare(folder)
    out = b"./\xff\xc3(".decode("utf-8", "surrogateescape")
    result = json.loads(clean_run(bitline, folder, "run", "hawis", "./net.yaml", "--csv", out, "--json"))
    expect("\ufffd" in result["command"], result["command"])
    clean_run(bitline, folder, "run", "hawis", "./net.yaml", "--csv", out, "--trace", out + ".csv")
    rows_of(folder / out / "summary.csv")
    rows_of(folder / (out + ".csv"))
    clean_run(bitline, folder, "search", "search.yaml", "--out", out + "s")


def main(bitline):
    run_tests([
        *((f"a bad name of a {what} is refused", in_folder(refused, bitline, what))
          for what in ("net", "layer", "chip", "job")),
        ("tensors are named apart", in_folder(tensors_are_named_apart, bitline)),
        ("descriptions have no control characters", in_folder(free_text_is_checked, bitline)),
        ("bad names of data sets are refused", in_folder(data_is_checked, bitline)),
        ("run and trace keep names", in_folder(run_keeps_names, bitline)),
        ("check and show keep names", in_folder(files_keep_names, bitline)),
        ("train, eval and sweep keep names", in_folder(weights_keep_names, bitline)),
        ("search keeps names", in_folder(search_keeps_names, bitline)),
        ("paths hold anything", in_folder(odd_paths, bitline)),
        ("paths that are not there are named on one line", in_folder(odd_paths_are_refused, bitline)),
        ("arguments are shown on one line", in_folder(arguments_are_shown, bitline)),
        ("paths need not be UTF-8", in_folder(no_text_at_all, bitline)),
    ])


if __name__ == "__main__":
    main(Bitline(pathlib.Path(sys.argv[1])))
