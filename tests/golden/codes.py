"""Exit codes, by docs/exit-codes.md: 1 where work fails, whatever was going on; 2 where the user can
change what was given. Always one sentence on stderr, which names the reason, and no file left."""
import os
import subprocess
import sys

from support import Bitline, everything_below, expect, in_folder, run_tests

COMMANDS = ["run", "eval", "sweep", "train", "search", "show", "list", "check", "trace"]
RUN = ["run", "hawis", "resnet20"]


def by_shell(bitline, folder, before, args):
    """Runs bitline in a shell that did something before; its arguments need no quotes."""
    words = " ".join(map(str, bitline.words(*args)))
    return subprocess.run(["bash", "-c", f"{before}; exec {words}"], cwd=folder, env=bitline.env,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)


def expect_refusal(done, code, says):
    said = done.stderr.decode(errors="replace")
    expect(done.returncode == code, f"exit {done.returncode}\n{said}")
    lines = [line for line in said.splitlines() if "bitline: warning: " not in line]
    expect(len(lines) == 1 and lines[0].startswith("bitline: ") and says in lines[0], said)


def unwritten(bitline, folder, args):
    """All that is printed fails alike: a full disk, nobody who reads, a descriptor that is closed."""
    with open("/dev/full", "wb") as full:
        expect_refusal(bitline.run(*args, cwd=folder, stdout=full), 1, "No space left on device")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        expect_refusal(bitline.run(*args, cwd=folder, stdout=pipe), 1, "Broken pipe")
    expect_refusal(by_shell(bitline, folder, "exec >&-", args), 1, "Bad file descriptor")


def closed_output_is_no_file(bitline, folder):
    """The first file that is opened does not become the standard output."""
    done = by_shell(bitline, folder, "exec >&- 2>&- <&-", [*RUN, "--trace", "t.json"])
    expect(done.returncode == 1, f"exit {done.returncode}")
    bitline.output(*RUN, "--trace", "u.json", cwd=folder)
    closed, usual = ((folder / name).read_bytes() for name in ("t.json", "u.json"))
    expect(closed.replace(b"t.json", b"u.json") == usual, "other bytes in the trace")


def size_limit(bitline, folder, args, name):
    """SIGXFSZ would end the program without a word, and with a temporary file left."""
    done = by_shell(bitline, folder, "ulimit -f 4", [*args, name])
    expect_refusal(done, 1, "cannot be written: File too large")
    left = [path for path, size in everything_below(folder) if "bitline" in path or "json" in path]
    expect(not left, f"left behind: {left}")


def make_fifos(folder):
    for name in ("f.yaml", "f.csv", "f", "data/test_batch.bin", "data/data_batch_1.bin"):
        (folder / name).parent.mkdir(exist_ok=True)
        os.mkfifo(folder / name)


FIFO = [
    ["trace", "f"], ["check", "./f.yaml"], ["check", "./f.csv"], ["show", "chip", "./f.yaml"],
    ["show", "net", "./f.csv"], ["run", "./f.yaml", "resnet20"], ["run", "hawis", "./f.yaml"],
    [*RUN, "--activity", "f"], ["sweep", "./f.yaml"], ["train", "./f.yaml"], ["search", "./f.yaml"],
    ["eval", "hawis", "lenet5", "--weights", "f"],
    ["train", "train-synth", "--set", "init=f"],
    ["train", "train-synth", "--set", "net=resnet20", "--set", "data=cifar10:data"],
]


def fifo(bitline, folder, args):
    """Refused at once; nobody writes to it, so that opening it would wait for ever."""
    make_fifos(folder)
    bitline.refuse(folder, args, ["is not a regular file; save its contents to one"])


def long_path(bitline, folder, args, ending, code, says):
    """The path of 2,000 bytes does not hide the reason and the remedy."""
    path = "/".join(["d" * 249] * 8) + "/" + ending
    done = bitline.run(*args, path, cwd=folder)
    expect_refusal(done, code, says)
    said = done.stderr.decode()
    expect("dddd ... dddd" in said and len(said) < 700, said)


def inherited(bitline, folder):
    """A trace that comes through a pipe has a name, too."""
    bitline.output(*RUN, "--trace", "t.json", cwd=folder)
    usual = bitline.output("trace", "t.json", cwd=folder)
    done = by_shell(bitline, folder, "exec < <(cat t.json)", ["trace", "/dev/stdin"])
    expect(done.returncode == 0 and done.stdout.decode() == usual, done.stderr.decode())
    expect_refusal(by_shell(bitline, folder, "true", ["trace", "/proc/self/status"]), 2,
                   "/proc/self/status:1: begins like no trace")
    expect_refusal(by_shell(bitline, folder, "exec <.", ["trace", "/dev/stdin"]), 2,
                   "/dev/stdin: is a folder")
    expect_refusal(by_shell(bitline, folder, "exec <&-", ["trace", "/dev/stdin"]), 1,
                   "/dev/stdin: cannot be opened: ")


def main():
    bitline = Bitline(sys.argv[1])
    printed = [[command, option] for command in COMMANDS for option in ("--help", "--usage", "-h")]
    printed += [["--help"], ["--version"], ["list", "nets"], ["check", "hawis"], ["show", "schema"],
                RUN]
    cases = [("unwritten: " + " ".join(args), unwritten, (args,)) for args in printed]
    cases += [("fifo: " + " ".join(args), fifo, (args,)) for args in FIFO]
    cases += [("size limit: " + name, size_limit, ([*RUN, "--trace"], name))
              for name in ("t.json", "t.csv", "t.paje")]
    missing, nowhere = "there is no such file; check the name", "its folder does not exist"
    cases += [("long path: " + " ".join(args), long_path, (args, ending, code, says))
              for args, ending, code, says in (
                  (["trace"], "t.json", 2, missing), (["check"], "c.yaml", 2, missing),
                  (["run", "hawis"], "n.yaml", 2, missing), (["sweep"], "j.yaml", 2, missing),
                  ([*RUN, "--trace"], "t.json", 1, nowhere))]
    cases += [(test.__name__, test, ()) for test in
              (closed_output_is_no_file, inherited)]
    run_tests([(repr(name), in_folder(test, bitline, *args)) for name, test, args in cases])


main()
