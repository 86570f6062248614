"""Stores are checked before they are believed, and hold everything in one file at the end.

store.py BITLINE WEIGHTS_PROGRAM SUPPORT_FOLDER
"""
import os
import pathlib
import shutil
import signal
import sys
import tempfile

sys.path.insert(0, sys.argv[3])
import kills  # noqa: E402
from kills import go_on  # noqa: E402
from stores import (checksum, columns, keys, kinds, open_db, results, rows, tables,  # noqa: E402
                    without_gnuplot)
from support import Bitline, expect, run_tests  # noqa: E402

REMEDY = "restore the file from a copy, or delete it and run the job again"


def refused(kind, bitline, out, says, code=2):
    done = kind.run(bitline, out, "--resume")
    said = done.stderr.decode(errors="replace")
    lines = [line for line in said.splitlines() if not line.startswith("bitline: warning: ")]
    expect(done.returncode == code and len(lines) == 1, f"exit {done.returncode}\n{said}")
    for part in says:
        expect(part in said, f"missing: {part}\n{said}")


def accepted(kind, bitline, out):
    done = kind.run(bitline, out, "--resume")
    expect(done.returncode == 0, f"exit {done.returncode}\n{done.stderr.decode()}")
    expect(results(out) == kind.files, "other results")
    expect(rows(out / kind.store) == kind.rows, "other rows")


def checksums_are_those_described(kind):
    """By a second computation, over every row."""
    with open_db(kind.folder / "whole" / kind.store) as db:
        for table in tables(db):
            types = [kind for _, kind in columns(db, table)]
            for row in db.execute(f"SELECT * FROM {table}"):
                expect(checksum(table, types, row[:-1]) == row[-1], f"{table} {row}")


def near(value):
    """Another value of the same type, in its range wherever the first one is."""
    if isinstance(value, int):
        return value - 1 if value > 0 else 1
    if isinstance(value, float):
        return value / 2 if value else 0.25
    return value[:-1] + ("0" if value[-1] != "0" else "1") if value else "0"


def every_value_counts(kind, bitline):
    """One value changed to one that might as well be right, in any column of any table."""
    out = kind.folder / "every"
    with open_db(kind.folder / "whole" / kind.store) as db:
        all_columns = [(table, name) for table in tables(db) for name, _ in columns(db, table)]
    for table, name in all_columns:
        with open_db(kind.copy(out)) as db:
            found = [row for row in db.execute(f"SELECT {name}, * FROM {table}")
                     if row[0] is not None]
            if not found:
                continue
            names = keys(db, table)
            row = dict(zip([name for name, _ in columns(db, table)], found[-1][1:]))
            where = " AND ".join(f"{key} = ?" for key in names)
            db.execute(f"UPDATE OR REPLACE {table} SET {name} = ? WHERE {where}",
                       [near(found[-1][0]), *(row[key] for key in names)])
        refused(kind, bitline, out, [f"{kind.store}: ", REMEDY])


def set_value(kind, bitline, statement, says):
    """With a checksum that fits, as a program with a fault would write it."""
    out = kind.folder / "forged"
    with open_db(kind.copy(out)) as db:
        table = statement.split()[1]
        types = [kind for _, kind in columns(db, table)]
        db.execute(statement)
        for row in db.execute(f"SELECT * FROM {table}").fetchall():
            where = " AND ".join(f"{name} IS ?" for name, _ in columns(db, table))
            db.execute(f"UPDATE {table} SET checksum = ? WHERE {where}",
                       [checksum(table, types, row[:-1]), *row[:-1]])
    refused(kind, bitline, out, [*says, REMEDY])


def rewrite(kind, bitline, statements, says):
    out = kind.folder / "rewritten"
    with open_db(kind.copy(out)) as db:
        db.executescript(statements)
    refused(kind, bitline, out, says)


def missing_rows_are_done_again(kind, bitline):
    """Also where their times are left."""
    out = kind.folder / "missing"
    names = {"sweep": ["trial"], "train": ["epoch"], "search": ["episode"]}[kind.command]
    for table in names + [name + "_time" for name in names]:
        with open_db(kind.copy(out)) as db:
            total, = db.execute(f"SELECT count(*) FROM {table}").fetchone()
            key = keys(db, table)[-1]
            gone = db.execute(f"DELETE FROM {table} WHERE {key} % 2").rowcount
            expect(0 < gone < total, f"{gone} of {total}")
        accepted(kind, bitline, out)


def one_file_is_left(kind, bitline):
    """In no need of a log: of a reader that may not write beside it."""
    path = kind.folder / "whole" / kind.store
    expect(path.read_bytes()[18:20] == b"\1\1", "it is in WAL mode")
    expect(not list(path.parent.glob(kind.store + "-*")), "a log is left")
    alone = kind.folder / "alone"
    alone.mkdir()
    shutil.copy(path, alone)
    expect(rows(alone / kind.store) == kind.rows, "rows are missing in a copy of the file")
    kind.copy(alone)
    accepted(kind, bitline, alone)


def locked(kind, bitline):
    out = kind.folder / "locked"
    with open_db(kind.copy(out)) as db:
        db.execute("BEGIN EXCLUSIVE")
        refused(kind, bitline, out, [f"{kind.store}: another program keeps it locked",
                                     "--resume"], code=1)


def cannot_be_written(kind, bitline):
    """A version of the format above those that SQLite writes: it is opened to be read only."""
    out = kind.folder / "readonly"
    path = kind.copy(out)
    data = path.read_bytes()
    path.write_bytes(data[:18] + b"\3" + data[19:])
    refused(kind, bitline, out, [f"{kind.store}: the file or its folder cannot be written",
                                 "permissions", "--resume"], code=1)


LONG = ["--set", "images=3000"]


def caught(sweep, bitline):
    """A sweep that stands still in the middle."""
    path = lambda out: sweep.folder / out / "run.db"  # noqa: E731
    return kills.catch(
        lambda out: kills.begin(bitline, sweep.folder, "sweep", "job.yaml", "--out", out, *LONG),
        lambda out: path(out).exists() and kills.rows_in(path(out), "trial") >= 1,
        lambda out, process: kills.rows_in(path(out), "trial") < 24)


def interrupted(sweep, bitline):
    process, out = caught(sweep, bitline)
    process.send_signal(signal.SIGINT)
    said = go_on(process)
    left = sweep.folder / out
    expect(process.returncode == 130, said)
    expect([path.name for path in left.iterdir()] == ["run.db"], "a log is left")
    expect((left / "run.db").read_bytes()[18:20] == b"\1\1", "it is in WAL mode")
    shutil.rmtree(left)


def taken_away(sweep, bitline, take):
    process, out = caught(sweep, bitline)
    take(sweep.folder / out, sweep.folder / (out + "-aside"))
    said = go_on(process)
    expect(process.returncode == 1, f"exit {process.returncode}\n{said}")
    expect("run.db: was deleted, moved or replaced while this run wrote to it" in said and
           "--resume" in said, said)
    expect(not (sweep.folder / out / "points.csv").exists(), "results were written")
    for folder in sweep.folder.glob(out + "*"):
        shutil.rmtree(folder)


def delete(out, aside):
    (out / "run.db").unlink()


def replace(out, aside):
    shutil.copy(out / "run.db", aside)
    os.replace(aside, out / "run.db")


def move_folder(out, aside):
    out.rename(aside)
    out.mkdir()


def with_a_reader(sweep, bitline):
    """Who reads when the run ends keeps the log alive; the run says so, and is complete."""
    process, out = caught(sweep, bitline)
    with open_db(sweep.folder / out / "run.db") as db:
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM trial").fetchone()
        said = go_on(process)
    expect(process.returncode == 0, f"exit {process.returncode}\n{said}")
    expect("run.db: another program has it open" in said, said)
    expect(kills.rows_in(sweep.folder / out / "run.db", "trial") == 24, "rows are missing")
    shutil.rmtree(sweep.folder / out)


# Of sweeps: statement, and what is said.
FORGED = [
    ("UPDATE trial SET cells = -5, stuck_lrs = 9223372036854775807",
     ["table trial, point 0, trial 0: cells is -5, expected an integer from 0"]),
    ("UPDATE trial SET correct = images + 1 WHERE point = 1 AND trial = 2",
     ["table trial, point 1, trial 2: a part is larger than its whole"]),
    ("UPDATE trial SET drivers = 1 WHERE point = 1", ["a part is larger than its whole"]),
    ("UPDATE trial SET images = 41 WHERE point = 1 AND trial = 1",
     ["table trial, point 1, trial 1: images is 41, the job has 40"]),
    ("UPDATE trial SET trial = 3 WHERE point = 0 AND trial = 1",
     ["table trial has trial 3 of point 0, which the job does not have"]),
    ("UPDATE trial SET point = 4 WHERE point = 0 AND trial = 1",
     ["table trial has trial 1 of point 4, which the job does not have"]),
    ("UPDATE point_value SET value = '0.5' WHERE point = 3 AND path = 'sa1'",
     ["table point_value, point 3: sa1=0.5 is not a value of the job"]),
    ("UPDATE trial_time SET seconds = -1 WHERE point = 0", ["seconds is -1, expected a number"]),
]
# Of all kinds.
REWRITTEN = [
    ("CREATE TABLE other AS SELECT 'deadbeef' AS job, key, NULL AS value, 0 AS checksum FROM job_key;"
     "DROP TABLE job_key; ALTER TABLE other RENAME TO job_key; UPDATE job SET job = 'deadbeef'",
     ["table job_key has other columns or keys"]),
    ("UPDATE job SET job = 'deadbeef'", ["table job: the row's checksum is wrong"]),
    ("DELETE FROM job", ["table job has 0 rows, expected 1"]),
    ("DELETE FROM job_key WHERE key = 'seed'", ["the job's keys do not fit its hash"]),
    ("DROP TABLE job_key", ["has no table job_key"]),
    ("CREATE VIEW more AS SELECT * FROM job", ["has a view 'more'"]),
    ("CREATE TRIGGER more AFTER DELETE ON job_key BEGIN DELETE FROM job; END",
     ["has a trigger 'more'"]),
    ("PRAGMA user_version = 4", ["tables have version 4, this program supports 5"]),
    ("PRAGMA user_version = 0", ["not a bitline database, or damaged"]),
]
TABLES = {"sweep": "trial", "train": "epoch", "search": "episode"}


def tests(bitline, folder):
    all_kinds = kinds()
    for kind in all_kinds:
        kind.prepare(bitline, folder / kind.name.replace(" ", "-"), sys.argv[2])
    sweep, train, search = all_kinds[:3]
    for kind in all_kinds:
        name, table = kind.name, TABLES[kind.command]
        yield f"{name}: checksums", checksums_are_those_described, (kind,)
        yield f"{name}: every value counts", every_value_counts, (kind, bitline)
        yield f"{name}: missing rows", missing_rows_are_done_again, (kind, bitline)
        yield f"{name}: one file", one_file_is_left, (kind, bitline)
        for statements, says in REWRITTEN:
            yield f"{name}: {statements[:60]}", rewrite, (kind, bitline, statements, says)
        for more in ("", f"; INSERT INTO other SELECT * FROM {table}"):
            statements = (f"CREATE TABLE other AS SELECT * FROM {table}{more}; DROP TABLE {table};"
                          f"ALTER TABLE other RENAME TO {table}")
            yield (f"{name}: keys lost{more[:8]}", rewrite,
                   (kind, bitline, statements, [f"table {table} has other columns or keys"]))
    for statement, says in FORGED:
        yield f"sweep: {statement}", set_value, (sweep, bitline, statement, says)
    yield ("search: failed without a reason", set_value,
           (search, bitline, "UPDATE episode SET failed = 1 WHERE episode = 3",
            ["table episode, episode 3: failed does not fit why"]))
    yield ("search: other widths", set_value,
           (search, bitline, "UPDATE episode SET widths = '8,+16' WHERE episode = 3",
            ["table episode, episode 3: widths"]))
    yield ("search: an accuracy above 1", set_value,
           (search, bitline, "UPDATE episode SET accuracy = 1.5 WHERE episode = 3",
            ["table episode, episode 3: accuracy is 1.5, expected a number from 0 to 1"]))
    yield ("search: a hash", set_value,
           (search, bitline, "UPDATE episode SET chip_hash = 'xyz' WHERE episode = 3",
            ["chip_hash is 'xyz', expected 16 hexadecimal digits"]))
    yield ("train: no epoch", set_value,
           (train, bitline, "UPDATE epoch SET epoch = 0 WHERE epoch = 1", ["epoch is 0, expected"]))
    yield "locked", locked, (sweep, bitline)
    yield "cannot be written", cannot_be_written, (sweep, bitline)
    yield "interrupted", interrupted, (sweep, bitline)
    for take in (delete, replace, move_folder):
        yield f"running: {take.__name__}", taken_away, (sweep, bitline, take)
    yield "a reader at the end", with_a_reader, (sweep, bitline)


def main():
    bitline = Bitline(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        without_gnuplot(bitline, folder)
        run_tests([(name, lambda test=test, args=args: test(*args))
                   for name, test, args in tests(bitline, folder)])


main()
