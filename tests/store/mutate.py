"""Stores damaged at random: through SQL, in the schema and in the values, and in the bytes of the
file. What --resume makes of one is refused with a sentence, or ends in the very files of the
undisturbed run and in its rows; never a signal, a hang, or exit code 0 with other results.

mutate.py BITLINE WEIGHTS_PROGRAM SUPPORT_FOLDER [--count N] [--seed S] [--keep FOLDER]
"""
import argparse
import collections
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, sys.argv[3])
from stores import (checksum, columns, keys, kinds, open_db, results, rows, tables,  # noqa: E402
                    without_gnuplot)
from support import Bitline, expect, run_tests  # noqa: E402

BIG = 2**63 - 1
LIMIT_S = 200


# --- Half-finished runs ---

def halve(kind):
    """FOLDER/half as a stopped run leaves it, FOLDER/log with what it did last in a log."""
    half, log = kind.folder / "half", kind.folder / "log"
    shutil.copytree(kind.folder / "whole", half)
    if kind.command == "train":
        os.replace(half / "checkpoint.old", half / "checkpoint")
    table = {"sweep": "trial", "train": "epoch", "search": "episode"}[kind.command]
    with open_db(half / kind.store) as db:
        key = keys(db, table)[1]
        middle, = db.execute(f"SELECT max({key}) / 2 FROM {table}").fetchone()
        for name in (table, table + "_time"):
            db.execute(f"DELETE FROM {name} WHERE {key} > ?", (middle,))
    shutil.copytree(half, log)
    with open_db(half / kind.store) as db, open_db(log / kind.store) as to:
        to.execute("PRAGMA journal_mode = WAL")
        to.execute("PRAGMA wal_autocheckpoint = 0")
        for name in (table, table + "_time"):
            some = db.execute(f"SELECT * FROM {name} WHERE {key} >= ?", (middle - 1,)).fetchall()
            to.execute(f"DELETE FROM {name} WHERE {key} >= ?", (middle - 1,))
            for row in some:
                to.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", row)
        shutil.copytree(log, kind.folder / "logged")
    for source in ("half", "logged"):
        for name in kind.files:
            (kind.folder / source / name).touch()  # for Kind.copy()


# --- Damage ---

def loosen(db):
    """Takes NOT NULL from the schema; returns what puts it back. A row that no program could have
    written is still there then."""
    before = db.execute("SELECT name, sql FROM sqlite_schema").fetchall()
    version, = db.execute("PRAGMA schema_version").fetchone()
    db.execute("PRAGMA writable_schema = ON")
    db.execute("UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '')")
    db.execute(f"PRAGMA schema_version = {version + 1}")
    db.execute("PRAGMA writable_schema = RESET")

    def restore():
        db.execute("PRAGMA writable_schema = ON")
        for name, sql in before:
            db.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (sql, name))
        db.execute(f"PRAGMA schema_version = {version + 2}")
        db.execute("PRAGMA writable_schema = RESET")
    return restore


def any_table(db, rng):
    return rng.choice(tables(db))


def a_row(db, rng, table):
    """One of its rows, and the condition that finds it; None: it has none."""
    names = keys(db, table)
    count, = db.execute(f"SELECT count(*) FROM {table}").fetchone()
    if not count:
        return None
    row = db.execute(f"SELECT * FROM {table} LIMIT 1 OFFSET ?", (rng.randrange(count),)).fetchone()
    all_names = [name for name, _ in columns(db, table)] + ["checksum"]
    row = dict(zip(all_names, row))
    return row, " AND ".join(f"{key} = ?" for key in names), [row[key] for key in names]


def any_value(rng, old):
    values = [None, -1, 0, 1, 2, BIG, -BIG - 1, 1e308, float("inf"), -0.5, 0.5, "", "text", "0",
              "8,8", b"", b"\x00\xff", b"8,16"]
    if isinstance(old, (int, float)):
        values += [old + 1, old - 1, -old, old * 2, old * 1.0000001, str(old), f"{old}x"]
    if isinstance(old, str):
        values += [old[:-1], old + "0", old + " ", old.upper(), old.encode(), old + "\0x"]
    return rng.choice(values)


def set_values(db, rng):
    restore = loosen(db)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        table = any_table(db, rng)
        found = a_row(db, rng, table)
        if found:
            row, where, values = found
            name = rng.choice(list(row))
            db.execute(f"UPDATE OR REPLACE {table} SET {name} = ? WHERE {where}",
                       [any_value(rng, row[name]), *values])
    restore()


def set_column(db, rng):
    restore = loosen(db)
    table = any_table(db, rng)
    name = rng.choice(columns(db, table))[0]
    db.execute(f"UPDATE OR REPLACE {table} SET {name} = ?", (any_value(rng, rng.choice([1, 1.5])),))
    restore()


def forge(db, rng):
    """A value that cannot be, under a checksum that fits."""
    restore = loosen(db)
    table = any_table(db, rng)
    found = a_row(db, rng, table)
    if found:
        row, where, values = found
        names = columns(db, table)
        name, kind = rng.choice(names)
        bad = {"INTEGER": [-BIG - 1, BIG, -2 * 10**9], "REAL": [float("inf"), -float("inf")],
               "TEXT": [None], "HASH": ["", "xyz", "0" * 15, "0" * 17]}[kind]
        row[name] = rng.choice(bad)
        if row["job"] is not None:
            new = checksum(table, [kind for _, kind in names], [row[name] for name, _ in names])
            db.execute(f"UPDATE OR REPLACE {table} SET {name} = ?, checksum = ? WHERE {where}",
                       [row[name], new, *values])
    restore()


def delete_rows(db, rng):
    table = any_table(db, rng)
    for _ in range(rng.choice([1, 1, 3, 1000])):
        found = a_row(db, rng, table)
        if found:
            db.execute(f"DELETE FROM {table} WHERE {found[1]}", found[2])


def insert_rows(db, rng):
    """A copy of a row with other keys, or of another table's values."""
    table = any_table(db, rng)
    found = a_row(db, rng, table)
    if found:
        row = found[0]
        name = rng.choice(keys(db, table))
        row[name] = rng.choice([-5, 4, 17, 1000, BIG, "text", "other", b"\0"])
        db.execute(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(row))})",
                   list(row.values()))


def swap_rows(db, rng):
    """All but their keys, checksums too."""
    table = any_table(db, rng)
    one, two = a_row(db, rng, table), a_row(db, rng, table)
    names = keys(db, table)
    if one and one[2] != two[2]:
        others = [name for name in one[0] if name not in names]
        for to, source in ((one, two), (two, one)):
            db.execute(f"UPDATE {table} SET {', '.join(name + ' = ?' for name in others)} "
                       f"WHERE {to[1]}", [source[0][name] for name in others] + to[2])


def change_schema(db, rng):
    table, other = any_table(db, rng), any_table(db, rng)
    name = rng.choice(columns(db, table))[0]
    db.executescript(rng.choice([
        f"DROP TABLE {table}",
        f"ALTER TABLE {table} RENAME TO other",
        f"ALTER TABLE {table} ADD COLUMN more",
        f"ALTER TABLE {table} ADD COLUMN more INTEGER NOT NULL DEFAULT 0",
        f"ALTER TABLE {table} RENAME COLUMN {name} TO other",
        f"ALTER TABLE {table} DROP COLUMN checksum",
        f"CREATE TABLE other AS SELECT * FROM {table}; INSERT INTO other SELECT * FROM {table};"
        f"DROP TABLE {table}; ALTER TABLE other RENAME TO {table}",
        "CREATE TABLE other (a)",
        f"CREATE INDEX other ON {table} ({name})",
        f"CREATE UNIQUE INDEX other ON {table} ({name}, checksum)",
        f"CREATE VIEW other AS SELECT * FROM {table}",
        f"DROP TABLE {table}; CREATE VIEW {table} AS SELECT * FROM {other}",
        f"CREATE TRIGGER other AFTER INSERT ON {table} BEGIN DELETE FROM {other}; END",
        f"CREATE TRIGGER other BEFORE DELETE ON {table} BEGIN SELECT RAISE(IGNORE); END",
        "ANALYZE",
        "VACUUM",
        "REINDEX",
    ]))


def edit_schema(db, rng):
    """As no statement allows: texts of the schema changed, tables pointing to each other's rows."""
    version, = db.execute("PRAGMA schema_version").fetchone()
    one, two = any_table(db, rng), any_table(db, rng)
    db.execute("PRAGMA writable_schema = ON")
    statement, values = rng.choice([
        ("UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = ?) "
         "WHERE name = ?", [one, two]),
        ("UPDATE sqlite_schema SET sql = replace(sql, 'INTEGER', 'TEXT') WHERE name = ?", [one]),
        ("UPDATE sqlite_schema SET sql = replace(sql, 'REAL', 'BLOB') WHERE name = ?", [one]),
        ("UPDATE sqlite_schema SET sql = replace(sql, ' WITHOUT ROWID', '') WHERE name = ?", [one]),
        ("UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL', '') WHERE name = ?", [one]),
        ("UPDATE sqlite_schema SET sql = NULL WHERE name = ?", [one]),
        ("UPDATE sqlite_schema SET sql = 'CREATE TABLE' WHERE name = ?", [one]),
        ("UPDATE sqlite_schema SET rootpage = ? WHERE name = ?", [rng.randrange(12), one]),
        ("UPDATE sqlite_schema SET name = 'other' WHERE name = ?", [one]),
        ("UPDATE sqlite_schema SET type = 'index' WHERE name = ?", [one]),
        ("DELETE FROM sqlite_schema WHERE name = ?", [one]),
    ])
    db.execute(statement, values)
    db.execute(f"PRAGMA schema_version = {version + 1}")


def set_pragma(db, rng):
    db.executescript(rng.choice([
        *[f"PRAGMA user_version = {n}" for n in (-1, 0, 1, 4, 6, 99, 2**31 - 1)],
        "PRAGMA application_id = 77", "PRAGMA journal_mode = WAL", "PRAGMA journal_mode = PERSIST",
        "PRAGMA auto_vacuum = FULL; VACUUM", "PRAGMA page_size = 512; VACUUM",
        "PRAGMA page_size = 65536; VACUUM", "PRAGMA schema_version = 0",
    ]))


SQL = [set_values, set_values, set_values, set_column, forge, forge, delete_rows, insert_rows,
       swap_rows, change_schema, change_schema, edit_schema, set_pragma]


def flip_bytes(path, rng, start, end):
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 1, 2, 8])):
        at = rng.randrange(start, min(end, len(data)))
        data[at] = rng.choice([data[at] ^ 1 << rng.randrange(8), rng.randrange(256), 0, 255])
    path.write_bytes(data)


def flip_header(path, rng):
    flip_bytes(path, rng, 0, 100)


def flip_any(path, rng):
    flip_bytes(path, rng, 0, 10**9)


def flip_used(path, rng):
    """Where there is something: most of a page is empty."""
    data = path.read_bytes()
    places = [n for n, byte in enumerate(data) if byte]
    at = rng.choice(places)
    path.write_bytes(data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:])


def cut(path, rng):
    size = path.stat().st_size
    os.truncate(path, rng.choice([0, 1, 100, 4096, size // 2, size - 1, size - 4096,
                                  rng.randrange(size)]))


def mix_pages(path, rng):
    data = path.read_bytes()
    pages = [data[at:at + 4096] for at in range(0, len(data), 4096)]
    one, two = rng.randrange(len(pages)), rng.randrange(len(pages))
    pages[one] = rng.choice([pages[two], bytes(4096), rng.randbytes(4096)])
    path.write_bytes(b"".join(pages))


def other_file(path, rng):
    other = rng.choice([b"", b"\0", b"text\n" * 1000, rng.randbytes(8192)])
    path.write_bytes(other)


def lose(path, rng):
    path.unlink()


def flip_log(path, rng):
    log = path.with_name(path.name + "-wal")
    if log.exists():
        rng.choice([flip_any, flip_used, cut])(log, rng)


def flip_checkpoint(path, rng):
    found = list(path.parent.rglob("checkpoint*"))
    if found:
        rng.choice([flip_any, flip_any, cut])(rng.choice(sorted(found)), rng)


BYTES = [flip_header, flip_any, flip_used, flip_used, flip_used, cut, mix_pages, other_file, lose,
         flip_log, flip_checkpoint]


def damage(path, rng):
    """Returns what was done."""
    if rng.random() < 0.45:
        how = rng.choice(BYTES)
        how(path, rng)
        return how.__name__
    how = rng.choice(SQL)
    with open_db(path) as db:
        try:
            how(db, rng)
        except (sqlite3.Error, OverflowError) as why:  # refused by SQLite; what came before it stays
            return f"{how.__name__} ({str(why)[:40]})"
    return how.__name__


# --- What comes of it ---

def judge(kind, bitline, out):
    """One word, or an exception."""
    try:
        done = kind.run(bitline, out, "--resume", limit_s=LIMIT_S)
    except subprocess.TimeoutExpired:
        raise AssertionError("it hangs") from None
    said = done.stderr.decode(errors="replace")
    lines = [line for line in said.splitlines() if not line.startswith("bitline: warning: ")]
    expect("Sanitizer" not in said and "runtime error" not in said, said)
    if done.returncode == 0:
        found = results(out)
        other = sorted(name for name in {*found, *kind.files}
                       if found.get(name) != kind.files.get(name))
        expect(not other, f"exit 0, other results: {other}\n{said}")
        expect(rows(out / kind.store) == kind.rows, "exit 0, other rows in the store")
        return "as undisturbed"
    expect(done.returncode in (1, 2), f"exit {done.returncode}\n{said}")
    expect(len(lines) == 1 and lines[0].startswith("bitline: ") and lines[0].isprintable(),
           f"exit {done.returncode}, not one sentence:\n{said}")
    expect(os.fspath(out) in said, f"no file is named:\n{said}")
    return f"refused, exit {done.returncode}"


def one(bitline, all_kinds, folder, seed, keep):
    rng = random.Random(seed)
    kind = rng.choices(all_kinds, [4, 3, 4, 1])[0]
    source = rng.choice(["whole", "half", "logged"])
    out = folder / "mutated"
    path = kind.copy(out, source)
    what = f"seed {seed}: {kind.name}, {source}: {damage(path, rng)}"
    if keep:
        shutil.rmtree(keep / str(seed), ignore_errors=True)
        shutil.copytree(out, keep / str(seed))
    try:
        outcome = judge(kind, bitline, out)
    except AssertionError as why:
        raise AssertionError(f"{what}: {why}") from None
    if keep:
        shutil.rmtree(keep / str(seed))
    return outcome


def run(bitline, all_kinds, folder, args, counts, start):
    failed = []
    for seed in range(start, min(start + 10, args.seed + args.count)):
        try:
            counts[one(bitline, all_kinds, folder, seed, args.keep)] += 1
        except AssertionError as why:
            failed.append(str(why))
    expect(not failed, "\n".join(failed))


def main():
    parser = argparse.ArgumentParser()
    for name in ("bitline", "weights", "support"):
        parser.add_argument(name)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path, help="stores that fail are left there")
    args = parser.parse_args()
    bitline, counts = Bitline(args.bitline), collections.Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        without_gnuplot(bitline, folder)
        all_kinds = kinds()
        for kind in all_kinds:
            kind.prepare(bitline, folder / kind.name.replace(" ", "-"), args.weights)
            halve(kind)
        tests = [(f"seeds {start} and on", lambda start=start: run(bitline, all_kinds, folder, args,
                                                                  counts, start))
                 for start in range(args.seed, args.seed + args.count, 10)]
        tests.append(("outcomes", lambda: print(f"# {dict(counts)}")))
        run_tests(tests)


main()
