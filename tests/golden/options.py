"""Bad command lines are refused: exit status 2 (1 where only the output cannot be written), one
sentence on stderr with the remedy, nothing on stdout, no file written, within seconds."""
import sys

from support import HERE, Bitline, expect, in_folder, run_tests

CHIPS = "hawis, hawis-q8, hawis-sa, hawis-tolerance, ideal, isaac-ce, mnsim-default"

# what follows "bitline run hawis resnet20", what the message must say
OPTIONS = [
    (["--form", "bin"], "--form bin: unknown; take binary, int8, int16 or float"),
    (["--form", "float"], "in the form float has no hardware; choose --form binary, int8 or int16"),
    (["--width", "0"], "--width 0: expected a ratio above 0 and at most 1000, such as 3x"),
    (["--width", "-1"], "--width -1: expected a ratio above 0"),
    (["--width", "nan"], "--width nan: expected a ratio above 0"),
    (["--width", "inf"], "--width inf: expected a ratio above 0"),
    (["--width", "1e400"], "--width 1e400: expected a ratio above 0"),
    (["--width", "3y"], "--width 3y: expected a ratio above 0"),
    (["--width", "0x2"], "--width 0x2: expected a ratio above 0"),
    (["--width", " 2"], "--width  2: expected a ratio above 0"),
    (["--width="], "--width : expected a ratio above 0"),
    (["--widths", "64,80"], "--widths: 2 given, resnet20 (binary) has 19 scalable layers: conv1,"),
    (["--widths", "64,,80"], "split by commas, are wanted; ',80' is none"),
    (["--widths", "64,0"], "split by commas, are wanted; '0' is none"),
    (["--widths", "64,x"], "split by commas, are wanted; 'x' is none"),
    (["--widths", "9" * 30], "--widths 9"),
    (["--width", "2x", "--widths", "64"], "give --width or --widths, not both"),
    (["--set", "adc"], "--set adc: expected PATH=VALUE, such as adc.count=64"),
    (["--set", "=1"], "--set =1: the path before '=' must have 1 to 255 characters"),
    (["--set", "adc..count=1"], "--set adc..count: a part of the path is empty; write it like a.b.c"),
    (["--set", "adc.coutn=1"], "--set adc.coutn: unknown key; did you mean 'count'? Known keys: "),
    (["--set", "adc.count=many"], "--set adc.count: 'many' is not an integer; allowed: 1..65536"),
    (["--set", "adc.count="], "--set adc.count: '' is empty"),
    (["--set", "adc.count=[1"], "--set adc.count: '[1' is not valid YAML"),
    (["--set", "adc.count.x=1"], "--set adc.count.x: 'x' cannot be found in the value '128'"),
    (["--set", "cell.r_lrs=10"], "--set cell.r_lrs: '10' has no unit; write for example '"),
    (["--set", "cell.r_lrs=nan ohm"], "--set cell.r_lrs: 'nan ohm' is not a number"),
    (["--set", "net.clases=10"], "--set net.clases: unknown key; did you mean 'classes'?"),
    (["--set", "noc.columns=2", "--set", "noc.rows=2"],
     "--set noc.columns: net 'resnet20' (binary, width 1x) needs 23 tiles, the chip has 2 x 2 = 4; "
     "it would fit with noc.columns=5 and noc.rows=5, or with a narrower net"),
    (["--width", "1000x"], "the chip has 64 x 64 = 4096; it would fit with tile.pes="),
    (["--set", "crossbar.rows=8", "--set", "dac.count=8"],
     "layer 'conv1' has a 3x3 kernel of 9 rows, more than the crossbar's 8; set "
     "mapping.policy=dense, which splits kernels, or crossbar.rows of 9 or more"),
    (["--images", "0"], "--images 0: expected an integer from 1 to 100000"),
    (["--images", "-1"], "--images -1: expected an integer from 1"),
    (["--images", "1e3"], "--images 1e3: expected an integer from 1"),
    (["--images", "9" * 30], "expected an integer from 1"),
    (["--images"], "option '--images' requires an argument"),
    (["--policy", "mnsin"], "--policy mnsin: unknown; use exact or mnsim"),
    (["--policy", "mnsim", "--map", "dense"],
     "policy mnsim charges kernel-aligned mappings without replication only; use --policy exact"),
    (["--policy", "mnsim", "--replicate", "30"],
     "policy mnsim charges kernel-aligned mappings without replication only; use --policy exact"),
    (["--policy", "mnsim", "--set", "crossbar.spare_rows=1"],
     "policy mnsim knows no spare lines; use --policy exact, or set crossbar.spare_rows=0 and"),
    (["--policy", "mnsim", "--form", "int16"],
     "chip hawis:68:3: mnsim: charges no bits for the form int16; add int16: {weight, input, outp"),
    (["--map", "dens"], "'dens' is unknown (did you mean 'dense'?); allowed: kernel-aligned, dense"),
    (["--replicate", "0"], "--replicate 0: expected a number of tiles from 1 to 16384"),
    (["--replicate", "5000"], "5000 tiles, but the chip has 64 x 64 = 4096"),
    (["--replicate", "5"], "needs 23 tiles, the budget is 5; raise mapping.tiles to 23"),
    (["--noc", "mesh"], "--noc mesh: unknown; use calendar, ideal or simgrid"),
    (["--tokens", "row"], "--tokens row: unknown; use rows or windows"),
    (["--seed", "-1"], "--seed -1: expected an integer from 0"),
    (["--seed", " -1"], "--seed  -1: expected an integer from 0"),
    (["--seed", "18446744073709551616"], "expected an integer from 0 to 9223372036854775807"),
    (["--trace", "trace.txt"], "trace.txt: the ending names no trace format; write to a name that"),
    (["--trace="], "--trace: the file name is empty; choose one"),
    (["--csv="], "--csv: the folder name is empty; choose one"),
    (["--speed", "9"], "unrecognized option '--speed'"),
    (["resnet32"], "unexpected argument 'resnet32': expected CHIP and NET"),
]

# a whole command line, what the message must say
COMMANDS = [
    (["frob"], "unknown command 'frob'; see bitline --help"),
    (["rum"], "unknown command 'rum' (did you mean 'run'?); see bitline --help"),
    (["chekc", "hawis"], "unknown command 'chekc' (did you mean 'check'?); see bitline --help"),
    (["help", "serch"], "unknown command 'serch' (did you mean 'search'?); see bitline --help"),
    (["run"], "CHIP and NET are required"),
    (["run", "hawis"], "CHIP and NET are required"),
    (["run", "hawsi", "resnet20"], f"there is no chip 'hawsi'; did you mean 'hawis'? There are: {CHIPS}"),
    (["run", "zzz", "resnet20"], f"there is no chip 'zzz'; there are: {CHIPS} (a file needs a '/'"),
    (["run", "hawis", "resnet21"], "there is no net 'resnet21'; did you mean 'resnet20'? There are: "),
    (["run", "", "resnet20"], "'' is not a valid chip name"),
    (["run", "hawis", "../resnet20"], "../resnet20: there is no such file; check the name"),
    (["run", "hawis", "net.csv"], "net.csv: there is no such file; check the name"),
    (["run", "hawis", "a\033[31m\n.yaml"], "a\\x1b[31m\\n.yaml: there is no such file; check the name"),
    (["run", "isaac-ce", "resnet20", "--policy", "mnsim"],
     "policy mnsim: chip 'isaac-ce' has no mnsim block, so it is not known what to charge; use "
     "--policy exact, or a chip such as hawis"),
    (["show"], "expected chip NAME, net NAME or schema"),
    (["show", "chip"], "show chip: a name or a file is wanted"),
    (["show", "chips", "hawis"], "show chips: unknown; take chip, net or schema"),
    (["show", "net", "resnet20", "--form", "int4"], "--form int4: unknown; take binary, int8, int16"),
    (["show", "schema", "tiles"], "show schema tiles: no such part; take chip, net, workload, search, "
     "train, or a"),
    (["list"], "expected chips, nets, workloads or weights"),
    (["list", "cats"], "unknown list 'cats': expected chips, nets, workloads or weights"),
    (["check"], "at least one FILE is required"),
    (["check", "hawsi"], "unknown chip, network or job 'hawsi'; 'bitline list chips', 'bitline"),
    (["trace"], "FILE is required"),
    (["trace", "run.json"], "run.json: there is no such file; check the name"),
    (["trace", HERE / "chip.yaml"], "chip.yaml:1: begins like no trace that bitline reads; give it a"),
    (["trace", "run.json", "--top", "0x3"], "--top 0x3: expected a number of rows, 0 or more"),
    (["trace", "run.json", "--top", "few"], "--top few: expected a number of rows, 0 or more"),
]

# what follows "bitline run hawis resnet20" when its output cannot be written
UNWRITABLE = [
    (["--trace", "nowhere/run.json"], "nowhere/run.json: its folder does not exist; create it first"),
    (["--trace", "folder.json"], "folder.json: is a folder; name a file"),
    (["--csv", "file"], "file: is a file, not a folder; choose another name"),
    (["--csv", "file/tables"], "file: is a file, not a folder; choose another name"),
    (["--csv", "/proc/tables"], "/proc/tables: cannot create the folder: "),
]

# command lines whose standard output goes to a full disk
FULL_DISK = [
    ["--help"], ["--version"], ["list", "chips"], ["show", "chip", "hawis"], ["show", "net", "mlp"],
    ["check", "hawis"], ["run", "hawis", "resnet20"], ["run", "hawis", "resnet20", "--json"],
]


def refused(bitline, folder, args, says):
    bitline.refuse(folder, args, [says])


def unwritable(bitline, folder, args, says):
    (folder / "file").write_text("x", encoding="ascii")
    (folder / "folder.json").mkdir()
    bitline.refuse(folder, ["run", "hawis", "resnet20", *args], [says], code=1)
    expect((folder / "file").read_text(encoding="ascii") == "x", "the file in the way was changed")


def full_disk(bitline, folder, args):
    with open("/dev/full", "wb") as full:
        done = bitline.run(*args, cwd=folder, stdout=full)
    expect(done.returncode == 1, f"exit {done.returncode}")
    expect(b"bitline: the output could not be written: " in done.stderr, done.stderr.decode())


def no_command(bitline, folder):
    done = bitline.run(cwd=folder)
    expect(done.returncode == 2 and not done.stdout, f"exit {done.returncode}")
    expect(done.stderr == bitline.output("--help").encode(), "no help on stderr")


def same_help(bitline, folder, command):
    """Every way to ask for help that a user may try gives the same page."""
    page = bitline.output(*command, "--help", cwd=folder)
    ways = [[*command, "-h"], ["help", *command]]
    if command:
        ways.append([command[0], "hawis", "-h"])
    for way in ways:
        expect(bitline.output(*way, cwd=folder) == page, f"bitline {' '.join(way)}: another page")


def dense_splits_kernels(bitline, folder):
    """The remedy that the refusal of a kernel too large names."""
    bitline.output("run", "hawis", "resnet20", "--set", "crossbar.rows=8", "--set", "dac.count=8",
                   "--set", "mapping.policy=dense", cwd=folder)


def larger_chip(bitline, folder):
    """The remedy that the refusal of a chip too small names; one column less is too few."""
    sets = ["--set", "noc.columns=5", "--set", "noc.rows=5"]
    bitline.output("run", "hawis", "resnet20", *sets, cwd=folder)
    bitline.refuse(folder, ["run", "hawis", "resnet20", *sets, "--set", "noc.rows=4"],
                   ["needs 23 tiles"])


def main():
    bitline = Bitline(sys.argv[1])
    outputs = ["--json", "--trace", "run.json", "--csv", "tables"]  # none of which may appear
    cases = [(" ".join(args), refused, (["run", "hawis", "resnet20", *outputs, *args], says))
             for args, says in OPTIONS]
    cases += [("bitline " + " ".join(map(str, args)), refused, (args, says))
              for args, says in COMMANDS]
    cases += [("bitline alone", no_command, ())]
    cases += [("unwritable: " + " ".join(args), unwritable, (args, says))
              for args, says in UNWRITABLE]
    cases += [("full disk: " + " ".join(args), full_disk, (args,)) for args in FULL_DISK]
    cases += [("help: " + " ".join(command), same_help, (command,)) for command in
              ([], ["run"], ["eval"], ["sweep"], ["train"], ["search"], ["show"], ["list"],
               ["check"], ["trace"])]
    cases += [("dense splits kernels", dense_splits_kernels, ()),
              ("a larger chip holds the net", larger_chip, ())]
    run_tests([(repr(name), in_folder(test, bitline, *args)) for name, test, args in cases])


main()
