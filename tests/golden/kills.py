"""What the scripts that interrupt long work share: starting it, waiting for it, killing it."""
import contextlib
import os
import pathlib
import signal
import sqlite3
import subprocess
import time

from support import expect


def begin(bitline, folder, *args):
    # LeakSanitizer looks from a child process, which the tests that kill workers would meet.
    env = dict(bitline.env, ASAN_OPTIONS="detect_leaks=0")
    return subprocess.Popen([bitline.program, *map(os.fspath, args)], cwd=folder, env=env,
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
    end = time.monotonic() + 30
    while not condition() and process.poll() is None:
        expect(time.monotonic() < end, "nothing happens")
        time.sleep(0.001)


def children(process):
    try:
        text = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii")
    except OSError:
        return []
    return [int(word) for word in text.split()]


def kill(number):
    try:
        os.kill(number, signal.SIGKILL)
    except ProcessLookupError:
        pass


def kill_workers(process):
    """All at once: held, the driver cannot give the work of the one to the next before its end."""
    process.send_signal(signal.SIGSTOP)
    victims = children(process)
    for victim in victims:
        kill(victim)
    process.send_signal(signal.SIGCONT)
    return victims
