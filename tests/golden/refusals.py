"""Bad files are refused: exit status 2, one sentence on stderr with file, line, column and remedy,
nothing on stdout, nothing written, within seconds.

A case breaks chip.yaml or net.yaml in one place. The sign '§' in what is put there marks the place
that the message must blame; it is taken out before the file is written.
"""
import os
import pathlib
import random
import sys

from support import HERE, Bitline, expect, in_folder, run_tests

SIGN = "§"

# name, file that is broken, what stood there, what stands there now, what the message must say
BROKEN = [
    ("unknown key", "chip", "  bits: 6", "  §bitts: 6",
     ["adc.bitts: unknown key; did you mean 'bits'?", "Known keys: preset, bits"]),
    ("unknown key, nothing near", "chip", "  bits: 6", "  §colour: red",
     ["adc.colour: unknown key; known keys: preset, bits"]),
    ("unknown section", "chip", "offchip:", "§offship:", ["did you mean 'offchip'?"]),
    ("wrong unit", "chip", "read_voltage: 0.2 V", "read_voltage: §0.2 A",
     ["cell.read_voltage: '0.2 A' is not a voltage in V; allowed: 0 V..100 V"]),
    ("unit of another dimension", "chip", "energy: 1 pJ", "energy: §1 pW",
     ["adc.energy: '1 pW' is not an energy in J; allowed: 0 J..1 mJ or auto"]),
    ("missing unit", "chip", "read_time: 10 ns", "read_time: §10",
     ["cell.read_time: '10' has no unit; write for example '5 ns'; allowed: 0 s..1 s"]),
    ("negative quantity", "chip", "read_time: 10 ns", "read_time: §-10 ns",
     ["cell.read_time: '-10 ns' is out of range; allowed: 0 s..1 s"]),
    ("negative count", "chip", "count: 4", "count: §-4",
     ["adc.count: '-4' is out of range; allowed: 1..65536"]),
    ("count of no whole number", "chip", "count: 4", "count: §4.5",
     ["adc.count: '4.5' is not an integer; allowed: 1..65536"]),
    ("huge count", "chip", "count: 4", "count: §99999999999999999999",
     ["adc.count: '99999999999999999999' is out of range; allowed: 1..65536"]),
    ("missing key", "chip", "  rows: 64\n", "",
     ["crossbar.rows: is missing; allowed: 1..65536"]),
    ("missing section", "chip", "dac: {bits: 1, time: 1 ns, energy: 1 fJ, area: 1 um2}\n", "",
     ["dac: give a preset (mnsim-1 ... mnsim-7) or all of bits, time, energy, area"]),
    ("missing buffer", "chip", "  buffer: {kind: sram-45nm}\n", "",
     ["tile.buffer: ", "give the bytes, or a kind"]),
    ("repeated key", "chip", "  bits: 6\n", "  bits: 6\n  §bits: 7\n",
     ["adc.bits: duplicate key, first in line 15; keep one"]),
    ("NaN", "chip", "energy: 1 pJ", "energy: §nan J", ["adc.energy: 'nan J'", "allowed: 0 J..1 mJ"]),
    ("YAML's NaN", "chip", "energy: 1 pJ", "energy: §.nan", ["adc.energy: '.nan'", "allowed: 0 J"]),
    ("YAML's infinity", "chip", "energy: 1 pJ", "energy: §.inf", ["adc.energy: '.inf'", "allowed: 0 J"]),
    ("1e400", "chip", "energy: 1 pJ", "energy: §1e400 J", ["adc.energy: '1e400 J'", "allowed: 0 J"]),
    ("underflow", "chip", "energy: 1 pJ", "energy: §1e-400 J", ["adc.energy: '1e-400 J'", "allowed"]),
    ("unknown name", "chip", "sram-45nm", "§sram-46nm",
     ["tile.buffer.kind: 'sram-46nm' is unknown (did you mean 'sram-45nm'?); allowed: given, "]),
    ("map for a value", "chip", "count: 4", "count: §{a: 1}",
     ["adc.count: found a map; allowed: 1..65536"]),
    ("list for a map", "chip", "pe: {crossbars: 2}", "pe: §[2]",
     ["pe: found a list; allowed: a map of crossbars"]),
    ("empty value", "chip", "count: 4", "count:", ["adc.count: is empty; allowed: 1..65536"]),
    ("tab", "chip", "  rows: 64", "§\trows: 64", ["a tab is not allowed here; use blanks"]),
    ("anchor", "chip", "count: 4", "count: §&a 4", ["the anchor '&a' is not allowed; write out"]),
    ("anchors in a loop", "chip", "pe: {crossbars: 2}", "pe: §&a {b: *a}",
     ["the anchor '&a' is not allowed; write out"]),
    ("alias", "chip", "count: 4", "count: §*a", ["the alias '*a' is not allowed; write out"]),
    ("tag", "chip", "count: 4", "count: §!!int 4", ["the tag 'tag:yaml.org,2002:int' is not allowed; the key determines the type"]),
    ("merge key", "chip", "  count: 4", "  §<<: {count: 4}", ["the merge key '<<' is not allowed"]),
    ("deep nesting", "chip", "count: 4", "count: " + 30 * "[" + "§" + 400 * "[",
     ["nested more than 32 levels deep; flatten it"]),
    ("two documents", "chip", "offchip:\n", "offchip: {rate: 1 Gb/s}\n---\n§x:\n",
     ["found a second document; only one is allowed"]),
    ("extends nobody", "chip", "name: small", "name: small\nextends: §hawsi",
     ["extends: there is no chip 'hawsi'; did you mean 'hawis'?"]),
    ("extends no file", "chip", "name: small", "name: small\nextends: §nowhere/x.yaml",
     ["extends: there is no file 'nowhere/x.yaml'; check the name"]),
    ("extends itself", "chip", "name: small", "name: small\nextends: §chip.yaml",
     ["extends: circular reference:", "remove one 'extends'"]),
    ("resistances swapped", "chip", "r_hrs: 1 Mohm", "r_hrs: §1 kohm",
     ["cell.r_hrs: 1000 ohm is not above r_lrs (10000 ohm)", "raise r_hrs (inf: no leakage)"]),
    ("resistances equal", "chip", "r_hrs: 1 Mohm", "r_hrs: §10 kohm",
     ["cell.r_hrs: 10000 ohm is not above r_lrs (10000 ohm), so the two states cannot be told apart"]),
    ("another word for an infinite resistance", "chip", "r_hrs: 1 Mohm", "r_hrs: §.inf",
     ["cell.r_hrs: '.inf'", "allowed: 1 ohm..1000 Tohm or inf"]),
    ("more DACs than rows", "chip", "dac: {bits: 1,", "dac: {count: §65, bits: 1,",
     ["dac.count: 65 DACs for 64 rows; at most one each: lower dac.count or raise"]),
    ("half an ADC", "chip", "  energy: 1 pJ\n", "", ["adc: give a preset (survey, mnsim-1 ... mnsim-9) or all of bits, time, energy, area"]),
    ("unknown layer key", "net", "out: 8, kernel: 3, pad: 1}\n  - {name: conv2",
     "§outs: 8, kernel: 3, pad: 1}\n  - {name: conv2", ["layers.0.outs: unknown key; did you mean 'out'?"]),
    ("unknown kind", "net", "kind: add", "kind: §addd",
     ["layers.2.kind: 'addd' is unknown (did you mean 'add'?); allowed: conv, linear, pool"]),
    ("unit where none is", "net", "height: 8", "height: §8 m", ["input.height: '8 m' is not an integer"]),
    ("negative pad", "net", "out: 8, kernel: 3, pad: 1}\n  - {name: conv2",
     "out: 8, kernel: 3, pad: §-1}\n  - {name: conv2", ["layers.0.pad: '-1' is out of range; allowed: a list of 0"]),
    ("no kind", "net", "kind: add, ", "", ["layers.2.kind: is missing; allowed: conv, linear"]),
    ("repeated layer key", "net", "kind: add,", "kind: add, §kind: add,", ["layers.2.kind: duplicate key"]),
    ("NaN in a net", "net", "height: 8", "height: §.nan", ["input.height: '.nan' is not an integer"]),
    ("infinity in a net", "net", "height: 8", "height: §.inf", ["input.height: '.inf' is not an integer"]),
    ("1e400 in a net", "net", "height: 8", "height: §1e400", ["input.height: '1e400' is not an integer"]),
    ("tab in a net", "net", "  - {name: conv2", "§\t- {name: conv2", ["a tab is not allowed"]),
    ("anchor in a net", "net", "layers:", "layers: §&l", ["the anchor '&l' is not allowed; write out"]),
    ("alias in a net", "net", "{channels: 3, height: 8, width: 8}", "§*i", ["the alias '*i' is not allowed"]),
    ("deep nesting in a net", "net", "height: 8", "height: " + 30 * "[" + "§" + 9999 * "[",
     ["nested more than 32 levels deep"]),
    ("two documents in a net", "net", "name: small", "{}\n---\n§name: small", ["a second document"]),
    ("unknown shortcut", "net", "shortcut: conv1", "shortcut: §conv9", ["layers.2.shortcut: there is no layer 'conv9' above; the last one above is 'conv2'"]),
    ("two layers of one name", "net", "name: conv2", "name: §conv1", ["layers.1.name: 'conv1' is there twice"]),
    ("pads of three sides", "net", "out: 8, kernel: 3, pad: 1}\n  - {name: conv2",
     "out: 8, kernel: 3, pad: §[1, 1, 1]}\n  - {name: conv2",
     ["layers.0.pad: has 3 numbers; write same, valid, one number, [height, width] or [top, left,"]),
    ("kernel larger than the map", "net", "out: 8, kernel: 3, pad: 1}\n  - {name: conv2",
     "out: 8, kernel: §13, pad: 1}\n  - {name: conv2", ["layers.0.kernel: 13 is more than"]),
    ("classes that differ", "net", "out: 10", "out: §11", ["layers.3.out: 11, but the net has 10"]),
    ("no layers", "net", (HERE / "net.yaml").read_text().partition("layers:")[2], " §[]\n",
     ["layers: no layer is left in the int8 form; list at least one"]),
]

# name, bytes of the file, what stands behind its name, what else the message must say; for chips
# and nets alike
WHOLE = [
    ("empty", b"", " is empty; ", "it must contain lines of 'key: value'"),
    ("comments only", b"# nothing\n# here\n", " is empty; ", "it must contain lines of 'key: value'"),
    ("a value", b"hawis\n", "1:1: ", "found a single value, expected lines of 'key: value'"),
    ("a list", b"- 1\n- 2\n", "1:1: ", "found a list, expected lines of 'key: value'"),
    ("random bytes", random.Random(1).randbytes(4096), "1:", "is not YAML text"),
    ("zeros", bytes(4096), "1:1: ", "is not YAML text: control characters are not allowed"),
    ("Latin 1", b"name: caf\xe9\n", "1:10: ", "save the file as UTF-8"),
    ("UTF-16", "name: small\n".encode("utf-16"), "1:1: ", "save the file as UTF-8"),
    ("a 0 byte in a text", b'name: "a\\0b"\n', "1:7: ", "the text contains a 0 byte; remove it"),
    ("an open bracket", b"name: [\n", "2:1: ", "is not valid YAML: while parsing a flow node"),
    ("a key of megabytes", b"k" * (1 << 20) + b": 1\n", "1:1: ", "found a single value, expected"),
    ("a long key", b"k" * 200 + b": 1\n", "1:1: ", "the key has 200 bytes; at most 128 are allowed"),
    ("a list as key", b"? [a, b]\n: 1\n", "1:3: ", "a list or a map cannot be a key"),
    ("a million layers", b"layers: [" + b"{}," * 1_000_000 + b"]\n", "1:", "more than 200000 values"),
]

# name, rows of a layer CSV, what stands behind the file's name, what else the message must say
ROWS = [
    ("empty", b"", " no row in it; ", "a row is IFM length, width, channels"),
    ("a header", b"length,width\n", "1:1: ", "IFM length: 'length' is not a whole number from 1"),
    ("seven columns", b"8,8,3,3,3,8,0\n", "1:14: ", "fewer than 8 columns; a row is IFM length"),
    ("nine columns", b"8,8,3,3,3,8,0,1,1\n", "1:16: ", "more than 8 columns; a row is IFM length"),
    ("negative", b"8,8,3,3,3,-8,0,1\n", "1:11: ", "output channels: '-8' is not a whole number"),
    ("no whole number", b"8,8,3,3.5,3,8,0,1\n", "1:7: ", "kernel length: '3.5' is not a whole"),
    ("stride 0", b"8,8,3,3,3,8,0,0\n", "1:15: ", "stride: '0' is not a whole number from 1"),
    ("pooling 2", b"8,8,3,3,3,8,2,1\n", "1:13: ", "pooling (0/1): '2' is not a whole number from 0"),
    ("a map that does not follow", b"8,8,3,3,3,8,0,1\n8,8,9,3,3,8,0,1\n", "2:5: ",
     "IFM channels: 9, but the row above hands on 8 (length) x 8 x 8 (channels)"),
    ("random bytes", random.Random(2).randbytes(999), "1:1: ", "IFM length: '"),
]


def break_file(kind, old, new):
    """The broken text, and line and column that are to be blamed (None: not checked)."""
    text = (HERE / f"{kind}.yaml").read_text(encoding="utf-8")
    expect(text.count(old) == 1, f"'{old}' stands {text.count(old)} times in {kind}.yaml")
    text = text.replace(old, new)
    before, sign, after = text.partition(SIGN)
    if not sign:
        return text, None
    return before + after, (before.count("\n") + 1, len(before) - before.rfind("\n"))


def command(kind, path):
    chip, net = (path, "mlp") if kind == "chip" else ("hawis", path)
    return ["run", chip, net, "--json", "--trace", "trace.json", "--csv", "tables"]


def refuse_file(bitline, folder, kind, path, where, says):
    """By run, and by check, whose form may be another and so the sentence, but not the place."""
    bitline.refuse(folder, command(kind, path), [f"bitline: {where}", *says])
    bitline.refuse(folder, ["check", path], [f"bitline: {where}"])


def broken_case(bitline, folder, kind, old, new, says):
    text, place = break_file(kind, old, new)
    path = folder / f"{kind}.yaml"
    path.write_text(text, encoding="utf-8")
    where = f"{path}:{place[0]}:{place[1]}: " if place else f"{path}:"
    refuse_file(bitline, folder, kind, path, where, says)


def whole_case(bitline, folder, kind, data, where, says):
    path = folder / "file.yaml"
    path.write_bytes(data)
    refuse_file(bitline, folder, kind, path, f"{path}:{where}", [says])


def row_case(bitline, folder, rows, where, says):
    path = folder / "layers.csv"
    path.write_bytes(rows)
    refuse_file(bitline, folder, "net", path, f"{path}:{where}", [says])


def odd_case(bitline, folder, kind, make, says):
    path = folder / "odd.yaml"
    make(path)
    refuse_file(bitline, folder, kind, path, f"{path}: ", [says])


def large_file(path):
    with open(path, "wb") as file:
        file.truncate(100_000_000)


ODD = [
    ("a folder", pathlib.Path.mkdir, "is a folder; name a file in it"),
    ("no file", lambda path: None, "there is no such file; check the name"),
    ("a file of 100 MB", large_file, "has 100000000 bytes, above the limit of 4194304"),
    ("a pipe", os.mkfifo, "is not a regular file; save its contents to one"),
    ("a device", lambda path: path.symlink_to("/dev/zero"), "is not a regular file"),
    ("a link to itself", lambda path: path.symlink_to(path), "cannot be opened: Too many levels"),
]


def extends_loop(bitline, folder):
    """Two files; the second is blamed, where it names the first."""
    chip = (HERE / "chip.yaml").read_text(encoding="utf-8")
    for name, base in (("a.yaml", "b.yaml"), ("b.yaml", "a.yaml")):
        (folder / name).write_text(f"extends: {base}\n{chip}", encoding="utf-8")
    where = f"{folder}/b.yaml:1:10: extends: circular reference: "
    refuse_file(bitline, folder, "chip", folder / "a.yaml", where, ["remove one 'extends'"])


def fixtures(bitline, folder):
    """What the cases break runs as it stands; else they would prove nothing."""
    bitline.output("run", HERE / "chip.yaml", HERE / "net.yaml", cwd=folder)


def main():
    bitline = Bitline(sys.argv[1])
    cases = [("the files before they are broken", fixtures, ()),
             ("chip: two files that extend each other", extends_loop, ())]
    cases += [(f"{kind}: {name}", broken_case, (kind, *rest)) for name, kind, *rest in BROKEN]
    for kind in ("chip", "net"):
        cases += [(f"{kind}: {name}", whole_case, (kind, *rest)) for name, *rest in WHOLE]
        cases += [(f"{kind}: {name}", odd_case, (kind, *rest)) for name, *rest in ODD]
    cases += [(f"layer CSV: {name}", row_case, rest) for name, *rest in ROWS]
    run_tests([(name, in_folder(test, bitline, *args)) for name, test, args in cases])


main()
