"""What the tests of stores share: small jobs of the three kinds, their results, and the checksum of
a row, written from its description in tools/study/README.md.
"""
import contextlib
import os
import pathlib
import shutil
import sqlite3
import struct
import subprocess

from support import expect

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
HASH_START, HASH_PRIME = 0xcbf29ce484222325, 0x100000001b3
TYPES = {"INTEGER": 0, "REAL": 1, "TEXT": 2, "HASH": 3}


class Kind:
    """A finished run in FOLDER/whole and the files that are its result."""

    def __init__(self, name, command, store, words, inputs):
        self.name, self.command, self.store = name, command, store
        self.words, self.inputs = words, inputs
        self.folder = self.files = self.rows = None

    def prepare(self, bitline, folder, weights):
        self.folder = folder
        folder.mkdir()
        for source in self.inputs:
            shutil.copy(TESTS / source, folder)
        if self.command == "sweep":
            subprocess.run([weights, folder / "net.yaml", folder / "w.safetensors"], check=True)
        done = self.run(bitline, folder / "whole")
        expect(done.returncode == 0, f"{self.name}: {done.stderr.decode()}")
        self.files, self.rows = results(folder / "whole"), rows(folder / "whole" / self.store)

    def run(self, bitline, out, *args, limit_s=300):
        return bitline.run(self.command, "job.yaml", *self.words, "--out", out, *args,
                           cwd=self.folder, limit_s=limit_s)

    def copy(self, out, source="whole"):
        """The folder as an interrupted run leaves it: without the files of results."""
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(self.folder / source, out)
        for name in self.files:
            (out / name).unlink()
        return out / self.store


def kinds():
    return [
        Kind("sweep", "sweep", "run.db", ["--set", "images=40", "--set", "trials=3"],
             ["sweep/net.yaml", "sweep/job.yaml"]),
        Kind("train", "train", "run.db", ["--set", "epochs=3", "--set", "images=100", "--jobs", "1"],
             ["train/net.yaml", "train/job.yaml"]),
        Kind("search", "search", "search.db", ["--episodes", "16"],
             ["search/net.yaml", "search/job.yaml", "search/train.yaml"]),
        Kind("search with faults", "search", "search.db",
             ["--episodes", "4", "--set", "round=2", "--set",
              "accuracy={source: supernet, supernet: {train: ./train.yaml}, "
              "faults: {stuck_lrs: 0.05, trials: 2, images: 8}}", "--jobs", "1"],
             ["search/net.yaml", "search/job.yaml", "search/train.yaml"]),
    ]


def without_gnuplot(bitline, folder):
    """Pictures are no part of these tests, and take most of the time."""
    (folder / "bin").mkdir()
    bitline.env["PATH"] = os.fspath(folder / "bin")


def results(folder):
    """All files but stores, checkpoints and seconds.csv, which hold times."""
    names = ("search.db", "run.db", "checkpoint", "seconds.csv")
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.startswith(names)}


def tables(db):
    return [name for name, in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'"
                                         " AND name NOT LIKE 'sqlite_%' ORDER BY name")]


def columns(db, table):
    """Names and types, in the order of the table, without the checksum."""
    return [(row[1], "HASH" if row[1].endswith("_hash") else row[2])
            for row in db.execute(f"PRAGMA table_info({table})") if row[1] != "checksum"]


def keys(db, table):
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[5]]


def open_db(path):
    db = sqlite3.connect(path, isolation_level=None)
    db.text_factory = lambda raw: raw.decode(errors="surrogateescape")
    return contextlib.closing(db)


def rows(path):
    """All that is in the store but times."""
    with open_db(path) as db:
        return {table: list(db.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3"))
                for table in tables(db) if not table.endswith("_time")}


def checksum(table, types, row):
    """Of a row without its checksum; the first value is the job's hash."""
    data = table.encode() + b"\0" + row[0].encode() + b"\0"
    for kind, value in zip(types[1:], row[1:], strict=True):
        data += struct.pack("<Q", 2**64 - 1 if value is None else TYPES[kind])
        if isinstance(value, int):
            data += struct.pack("<q", value)
        elif isinstance(value, float):
            data += struct.pack("<d", value + 0.0)
        elif isinstance(value, str):
            data += value.encode(errors="surrogateescape") + b"\0"
    number = HASH_START
    for byte in data:
        number = (number ^ byte) * HASH_PRIME % 2**64
    return number - 2**64 if number >= 2**63 else number
