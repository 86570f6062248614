"""What the tests of this folder share: a program under a limit, sweeps and what they leave."""
import os
import pathlib
import subprocess
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent / name)
                for name in ("golden", "store")]
from stores import results  # noqa: E402
from support import Bitline, expect  # noqa: E402

# Of nets other than HAWIS's own; the files of the cases state none.
FORMULA = ["--set", "accuracy={source: formula, "
           "formula: {ceiling: 0.9, loss: 0.1, power: 1.3, front: 2}}"]


class Under(Bitline):
    """The same program, started by another one: env, prlimit, unshare."""

    def __init__(self, bitline, *before):
        self.program, self.env, self.before = bitline.program, bitline.env, before

    def words(self, *args):
        return [*self.before, *super().words(*args)]


# A run whose output folder is `small`, a tmpfs of its own, and which is looked at afterwards.
SMALL_DISK = """
mount -t tmpfs -o size={size} tmpfs small || exit 99
"$@"; code=$?
cp -r small/. left
exit $code
"""
READ_ONLY = """
mount -t tmpfs tmpfs disk && cp -r o disk/o && mount -o remount,ro disk || exit 99
exec "$@"
"""


def shell_in_namespace(script):
    """Words that run a command in the script's "$@", with mounts that end with it."""
    return ["unshare", "-m", "sh", "-c", script, "sh"]


def may_mount(folder):
    if os.geteuid() != 0:
        return False
    (folder / "mnt").mkdir()
    done = subprocess.run(shell_in_namespace("mount -t tmpfs tmpfs mnt"), cwd=folder,
                          capture_output=True, check=False)
    (folder / "mnt").rmdir()
    return done.returncode == 0


def sentences(done):
    """What a run said, without warnings; each begins with the program's name."""
    lines = done.stderr.decode(errors="replace").splitlines()
    return [line for line in lines if not line.startswith("bitline: warning: ")]


def failed(done, code, *says):
    """With the code and with sentences that hold all of `says`."""
    said = sentences(done)
    expect(done.returncode == code, f"exit {done.returncode}, not {code}\n{said}")
    expect(said and all(line.startswith("bitline: ") and line.isprintable() for line in said),
           f"{said}")
    for part in says:
        expect(part in "\n".join(said), f"missing: {part}\n{said}")


def finish(bitline, folder, command, job, out, *args):
    """The results of a run that must succeed; stores, checkpoints and times are none."""
    done = bitline.run(command, job, "--out", out, *args, cwd=folder)
    expect(done.returncode == 0, f"exit {done.returncode}\n{done.stderr.decode()}")
    return results(folder / out)


def sweep(bitline, folder, out, *args):
    return finish(bitline, folder, "sweep", "sw.yaml", out, *args)


def temporaries(folder):
    return [path.name for path in folder.rglob("*.tmp")]


def whole_or_absent(folder, whole):
    """After a failure: every result is complete or not there."""
    found = results(folder)
    differ = [name for name, data in found.items() if data != whole.get(name)
              and not name.endswith((".db-wal", ".db-shm"))]
    expect(not differ, f"incomplete: {differ}")
    expect(not temporaries(folder), f"left behind: {temporaries(folder)}")
    return found


def replace(path, *pairs):
    """Edits a copied file of a case; every old text must be in it."""
    text = path.read_text("utf-8")
    for old, new in pairs:
        expect(old in text, f"{path.name} has no {old!r}")
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
