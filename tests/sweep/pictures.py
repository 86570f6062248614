"""gnuplot is a program of its own: whatever it does, results are complete, a picture is whole or not
there, and what is missing is said. The gnuplot of these tests is a script in front of PATH.

pictures.py BITLINE WEIGHTS_PROGRAM SUPPORT_FOLDER
"""
import pathlib
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, sys.argv[3])
from kills import LONG_S, alive, until, wait_for  # noqa: E402
from support import Bitline, expect, in_folder, run_tests  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
QUICK = ["--set", "images=20", "--set", "trials=2"]
SVG = "<svg xmlns=\"http://www.w3.org/2000/svg\">\n</svg>\n"
SCRIPTS = {"sweep": ["accuracy"], "search": ["front", "widths", "channels"]}


def prepare(folder):
    for name in ("net.yaml", "job.yaml"):
        shutil.copy(HERE / name, folder)
    shutil.copy(HERE.parent / "search" / "job.yaml", folder / "search.yaml")
    (folder / "bin").mkdir()
    subprocess.run([sys.argv[2], folder / "net.yaml", folder / "w.safetensors"], check=True)


def fake(folder, script):
    path = folder / "bin" / "gnuplot"
    path.write_text("#!/bin/sh\n" + script, encoding="utf-8")
    path.chmod(0o755)


def command(bitline, out, what="sweep"):
    if what == "sweep":
        return bitline.words("sweep", "job.yaml", "--out", out, "--resume", *QUICK)
    return bitline.words("search", "search.yaml", "--out", out, "--resume", "--episodes", "8")


def environment(bitline, folder, only=False):
    path = str(folder / "bin")
    return dict(bitline.env, PATH=path if only else f"{path}:{bitline.env['PATH']}")


def run(bitline, folder, out, what="sweep", only=False):
    return subprocess.run(command(bitline, out, what), cwd=folder, capture_output=True,
                          env=environment(bitline, folder, only), check=False, timeout=LONG_S)


def results(folder, out):
    """All but the store and pictures."""
    return {str(path.relative_to(folder / out)): path.read_bytes()
            for path in (folder / out).rglob("*")
            if path.is_file() and not path.name.startswith("search.db")
            and not path.name.startswith("run.db") and path.suffix != ".svg"}


def whole(bitline, folder, what="sweep"):
    """What a run leaves whose pictures are drawn."""
    fake(folder, f"cat <<'END'\n{SVG}END\n")
    done = run(bitline, folder, "whole", what)
    expect(done.returncode == 0 and b"no picture" not in done.stderr, done.stderr.decode())
    for name in SCRIPTS[what]:
        svg = (folder / "whole" / f"{name}.svg").read_text("utf-8")
        expect(svg == SVG, f"{name}: {svg}")
    return results(folder, "whole")


NO_PICTURE = {
    "half a picture": ("echo '<svg>'", "gnuplot printed no whole picture; to draw it, in out: "
                       "gnuplot -d accuracy.gp > accuracy.svg"),
    "half a picture and a reason": ("echo '<svg>'; echo 'No space left' >&2",
                                    "printed no whole picture: No space left;"),
    "nothing": ("exit 0", "gnuplot printed no whole picture"),
    "a picture and a failure": (f"cat <<'END'\n{SVG}END\nexit 1", "gnuplot failed; to"),
    "a failure and its reason": ("printf '\\nset x\\n  ^\\n\"a.gp\" line 2: \\033[1mno\\n\\n' >&2; exit 1",
                                 "gnuplot failed: \"a.gp\" line 2: \\x1b[1mno; to draw"),
    "a crash": ("kill -SEGV $$", "gnuplot was ended by signal 11"),
    "more than a picture": ("head -c 70000000 /dev/zero; echo '</svg>'", "printed more than 67108864"),
}


def no_picture(bitline, folder, script, says):
    prepare(folder)
    wanted = whole(bitline, folder)
    fake(folder, script)
    done = run(bitline, folder, "out")
    said = done.stderr.decode()
    expect(done.returncode == 0 and "no picture accuracy.svg: gnuplot " in said and says in said, said)
    expect(said.count("no picture") == 1, said)
    expect(results(folder, "out") == wanted, "other results")
    expect(not list((folder / "out").glob("accuracy.svg*")), "a picture")
    expect(b"accuracy.svg" not in done.stdout and b"points.csv" in done.stdout, done.stdout)
    # An older picture of the same results stays.
    run(bitline, folder, "whole")
    expect((folder / "whole" / "accuracy.svg").read_text("utf-8") == SVG, "the old picture")


def without_gnuplot(bitline, folder, what):
    """Data and scripts of all pictures are there; each missing picture is named once."""
    prepare(folder)
    wanted = whole(bitline, folder, what)
    (folder / "bin" / "gnuplot").unlink()
    done = run(bitline, folder, "out", what, only=True)
    said = done.stderr.decode()
    expect(done.returncode == 0 and said.count("gnuplot is not installed") == 1, said)
    for name in SCRIPTS[what]:
        expect(said.count(f"{name}.svg:") + said.count(f"{name}.svg,") == 1, said)
        for end in ("dat", "gp"):
            expect(f"{name}.{end}" in wanted, f"{name}.{end}: {sorted(wanted)}")
    expect(results(folder, "out") == wanted, "other results")
    expect(not list((folder / "out").glob("*.svg*")), "a picture")


def one_of_three(bitline, folder):
    prepare(folder)
    wanted = whole(bitline, folder, "search")
    fake(folder, f"[ $2 != widths.gp ] || {{ echo 'bad ticks' >&2; exit 1; }}\ncat <<'END'\n{SVG}END\n")
    done = run(bitline, folder, "out", "search")
    said = done.stderr.decode()
    expect(done.returncode == 0 and "no picture widths.svg: gnuplot failed: bad ticks; to draw it, in "
           "out: gnuplot -d widths.gp > widths.svg\n" in said, said)
    expect(results(folder, "out") == wanted, "other results")
    expect(sorted(path.name for path in (folder / "out").glob("*.svg")) ==
           ["channels.svg", "front.svg"], "pictures")


HANGING = "trap '' TERM INT HUP\nsleep 3000 &\necho $$ $! >> ../pids\nwait\nwait\n"


def hanging(bitline, folder, what):
    """A run whose gnuplot hangs, and the processes of that."""
    process = subprocess.Popen(command(bitline, "out", what), cwd=folder, stderr=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, env=environment(bitline, folder))
    pids = folder / "pids"
    wait_for(process, lambda: pids.exists() and len(pids.read_text("ascii").split()) == 2)
    numbers = [int(word) for word in pids.read_text("ascii").split()]
    pids.unlink()
    return process, numbers


def signalled(bitline, folder, what):
    """Ends gnuplot and what it started; the results are complete, and the folder is free."""
    prepare(folder)
    wanted = whole(bitline, folder, what)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        fake(folder, HANGING)
        process, numbers = hanging(bitline, folder, what)
        process.send_signal(number)
        said = process.communicate(timeout=LONG_S)[1].decode()
        expect(process.returncode == 128 + number, f"exit {process.returncode}\n{said}")
        first = SCRIPTS[what][0]
        expect(f" {first}.svg" in said and "all results are written" in said and
               "gnuplot -d " in said, said)
        until(lambda these=numbers: not any(map(alive, these)))
        expect(results(folder, "out") == wanted, "other results")
        fake(folder, f"cat <<'END'\n{SVG}END\n")
        done = run(bitline, folder, "out", what)
        expect(done.returncode == 0 and (folder / "out" / f"{first}.svg").exists(),
               done.stderr.decode())
        for path in (folder / "out").glob("*.svg"):
            path.unlink()


def killed(bitline, folder):
    """gnuplot does not outlive bitline, and holds nothing of it."""
    prepare(folder)
    fake(folder, HANGING)
    process, numbers = hanging(bitline, folder, "sweep")
    process.kill()
    process.communicate(timeout=LONG_S)
    until(lambda: not alive(numbers[0]))
    fake(folder, f"cat <<'END'\n{SVG}END\n")
    done = run(bitline, folder, "out")  # while what the script started may still be there
    if alive(numbers[1]):
        subprocess.run(["kill", "-9", str(numbers[1])], check=False)
    expect(done.returncode == 0, done.stderr.decode())


def full_disk(bitline, folder):
    """A limit on the size of files stands for a disk that is full when the picture is written."""
    prepare(folder)
    wanted = whole(bitline, folder)
    fake(folder, "echo '<svg><!--'\nhead -c 4000000 /dev/zero | tr '\\0' x\necho '--></svg>'\n")
    words = "ulimit -f 2000; trap '' XFSZ; exec \"$@\""
    done = subprocess.run(["bash", "-c", words, "bash", *command(bitline, "out")], cwd=folder,
                          env=environment(bitline, folder), capture_output=True, check=False)
    said = done.stderr.decode()
    expect(done.returncode == 1 and said.count("bitline: ") == 1, f"exit {done.returncode}\n{said}")
    for part in ("out/accuracy.svg: ", "all results are written", "--resume",
                 "gnuplot -d accuracy.gp > accuracy.svg"):
        expect(part in said, said)
    expect(results(folder, "out") == wanted, "other results, or a temporary file")
    expect(not list((folder / "out").glob("accuracy.svg*")), "a part of a picture")


def any_language(bitline, folder):
    """The picture does not depend on the user's locale or settings."""
    prepare(folder)
    fake(folder, "echo \"<svg>$LC_ALL $* $(readlink /proc/self/fd/0)</svg>\"")
    bitline.env["LC_ALL"] = "de_DE.UTF-8"
    done = run(bitline, folder, "out")
    bitline.env["LC_ALL"] = "C"
    expect(done.returncode == 0, done.stderr.decode())
    svg = (folder / "out" / "accuracy.svg").read_text("utf-8")
    expect(svg == "<svg>C -d accuracy.gp /dev/null</svg>\n", svg)


def main():
    bitline = Bitline(sys.argv[1])
    cases = [(f"no picture: {name}", no_picture, args) for name, args in NO_PICTURE.items()]
    cases += [(f"without gnuplot, {what}", without_gnuplot, (what,)) for what in SCRIPTS]
    cases += [(f"signalled, {what}", signalled, (what,)) for what in SCRIPTS]
    cases += [(test.__name__, test, ()) for test in (one_of_three, killed, full_disk, any_language)]
    run_tests([(repr(name), in_folder(test, bitline, *args)) for name, test, args in cases])


main()
