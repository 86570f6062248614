"""What the scripts that search share: running one, and what it leaves."""
import contextlib
import csv
import pathlib
import shutil
import sqlite3

import kills
from support import expect

HERE = pathlib.Path(__file__).resolve().parent


def prepare(folder):
    for name in ("net.yaml", "job.yaml", "train.yaml"):
        shutil.copy(HERE / name, folder)


def exported(folder):
    """All files but stores, checkpoints and seconds.csv, which hold times."""
    names = ("search.db", "run.db", "checkpoint", "seconds.csv")
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith(names)}


def store(folder):
    """All that is in the store but times."""
    with contextlib.closing(sqlite3.connect(folder / "search.db")) as db:
        return [list(db.execute(f"SELECT * FROM {table} ORDER BY 1, 2"))
                for table in ("job", "job_key", "episode")]


def search(bitline, folder, out, *args):
    done = bitline.run("search", "job.yaml", "--out", out, *args, cwd=folder)
    expect(done.returncode == 0, f"exit {done.returncode}\n{done.stderr.decode()}")
    return exported(folder / out), store(folder / out)


def begin(bitline, folder, out, *args):
    return kills.begin(bitline, folder, "search", "job.yaml", "--out", out, *args)


def episodes_in(path):
    return kills.rows_in(path, "episode")


def table(folder, name):
    lines = (folder / name).read_text("utf-8").splitlines()
    return list(csv.DictReader(lines[1:]))
