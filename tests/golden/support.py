"""What the scripts of this folder share: running bitline, and reporting in TAP."""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import traceback

HERE = pathlib.Path(__file__).resolve().parent
LIMIT_S = 300  # what takes longer hangs; no test depends on how soon something comes
# AddressSanitizer does not know the stacks that the simulation switches between, and says so.
ASAN_ASIDE = re.compile(rb"==\d+==WARNING: ASan is ignoring requested __asan_handle_no_return.*\n"
                        rb"False positive error reports may follow\n"
                        rb"For details see .*\n")
# Where no /sys is mounted, MPI's library says that it does not see the processor.
HWLOC_ASIDE = re.compile(rb"\[hwloc/linux\] failed to find sysfs cpu topology directory.*\n")


class Bitline:
    """The program under test; knows nothing of the user's folders and language."""

    def __init__(self, program):
        self.program = pathlib.Path(program).resolve()
        self.env = {k: v for k, v in os.environ.items() if k != "BITLINE_PATH"}
        self.env.update(LC_ALL="C", ARGP_HELP_FMT="")

    def words(self, *args):
        return [self.program, *map(os.fspath, args)]

    def run(self, *args, cwd=None, limit_s=LIMIT_S, stdout=subprocess.PIPE):
        done = subprocess.run(self.words(*args), cwd=cwd, env=self.env,
                              stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
                              timeout=limit_s)
        done.stderr = HWLOC_ASIDE.sub(b"", ASAN_ASIDE.sub(b"", done.stderr))
        return done

    def output(self, *args, cwd=None):
        """The standard output of a run that must succeed and say nothing on stderr but warnings."""
        done = self.run(*args, cwd=cwd)
        said = [line for line in done.stderr.splitlines()
                if not line.startswith(b"bitline: warning: ")]
        expect(done.returncode == 0 and not said,
               f"bitline {' '.join(map(str, args))}: exit {done.returncode}\n{done.stderr.decode()}")
        return done.stdout.decode()


    def refuse(self, folder, args, says, code=2):
        """Fails as bad input must: one sentence on stderr, holding all of `says`, and no trace of
        the attempt in the folder it ran in."""
        before = everything_below(folder)
        done = self.run(*args, cwd=folder, limit_s=LIMIT_S)
        text = done.stderr.decode(errors="replace")
        said = f"bitline {' '.join(map(str, args))[:300]}: exit {done.returncode}\n{text}"
        expect(done.returncode == code, said)
        expect(not done.stdout, f"{said}stdout: {done.stdout[:200]}")
        expect(everything_below(folder) == before, f"{said}files: {everything_below(folder)}")
        lines = [line for line in text.splitlines() if not line.startswith("Try `bitline ")]
        expect(len(lines) == 1 and lines[0].isprintable(), said)
        for part in says:
            expect(part in text, f"{said}missing: {part}")


def everything_below(folder):
    return sorted((str(path.relative_to(folder)), path.lstat().st_size)
                  for path in folder.rglob("*"))


def in_folder(test, bitline, *args):
    """A test without arguments, which runs the given one in a folder of its own."""
    def run():
        with tempfile.TemporaryDirectory() as name:
            test(bitline, pathlib.Path(name), *args)
    return run


def expect(condition, sentence):
    """As assert, but not a matter of python's options."""
    if not condition:
        raise AssertionError(sentence)


class Skip(Exception):
    """Raised by a test that cannot run here, with the reason."""


def run_tests(tests):
    """Runs (name, function) pairs; prints TAP; exits."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # of what is started here, also under nohup
    print(f"1..{len(tests)}")
    failed = 0
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {name}", flush=True)
        except Skip as why:
            print(f"ok {number} - {name} # SKIP {why}", flush=True)
        except Exception as why:
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            text = str(why) if isinstance(why, AssertionError) else traceback.format_exc()
            for line in text.splitlines():
                print(f"# {line}", flush=True)
    sys.exit(failed > 0)
