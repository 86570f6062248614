"""What the scripts that interrupt long work share: starting it, waiting for it, killing it."""
import contextlib
import os
import pathlib
import signal
import sqlite3
import subprocess
import time

from support import expect


ATTEMPTS = 40  # a run may be over before it is cut short, on a busy machine often
LONG_S = 300  # what hangs, hangs for good; no test depends on how soon something comes


def begin(bitline, folder, *args):
    # LeakSanitizer looks from a child process, which the tests that kill workers would meet.
    env = dict(bitline.env, ASAN_OPTIONS="detect_leaks=0")
    return subprocess.Popen(bitline.words(*args), cwd=folder, env=env,
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE)


def rows_in(path, table):
    """Rows that are there for good; 0 as long as there is no store that can be asked."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def wait_for(process, condition):
    end = time.monotonic() + LONG_S
    while not condition() and process.poll() is None:
        expect(time.monotonic() < end, "nothing happens")
        time.sleep(0.001)


def until(condition):
    end = time.monotonic() + LONG_S
    while not condition():
        expect(time.monotonic() < end, "nothing happens")
        time.sleep(0.01)


def children(number):
    """Of all its threads."""
    try:
        return [int(word) for path in pathlib.Path(f"/proc/{number}/task").glob("*/children")
                for word in path.read_text("ascii").split()]
    except OSError:
        return []


def alive(number):
    """Whether there is such a process that is not yet dead; one that nobody has waited for is."""
    try:
        return "State:\tZ" not in pathlib.Path(f"/proc/{number}/status").read_text("ascii")
    except OSError:
        return False


def kill_children(process):
    return kill_below(process.pid)


def kill_below(number):
    """The killed; nothing of them is left to take another task when this returns: a worker that can
    be spent has a child of its own, which dies a moment later."""
    victims = children(number)
    below = [child for victim in victims for child in children(victim)]
    for victim in victims:
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            pass
    end = time.monotonic() + LONG_S
    while any(map(alive, victims + below)):
        expect(time.monotonic() < end, "a killed process lives on")
        time.sleep(0.001)
    return victims


def stop(process):
    process.send_signal(signal.SIGSTOP)


def catch(start, ready, early, stop=stop):
    """A run that stands still where it is ready and yet early enough, and the name of its folder.
    On a busy machine one may be over before this looks again; then another one is begun."""
    for n in range(ATTEMPTS):
        out = f"caught{n}"
        process = start(out)
        wait_for(process, lambda: ready(out))
        stop(process)
        if process.poll() is None and early(out, process):
            return process, out
        process.kill()
        process.communicate()
    raise AssertionError(f"{ATTEMPTS} runs were over too soon")


def go_on(process):
    """What it says and how it ends, with all signals that it was sent meanwhile."""
    process.send_signal(signal.SIGCONT)
    return process.communicate(timeout=LONG_S)[1].decode()
