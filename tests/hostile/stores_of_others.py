"""Cases 06, 07 and 08: stores of another schema, with rows twice, with counts that cannot be."""
import shutil

from case import expect, sweep
from stores import open_db

REMEDY = "restore the file from a copy, or delete it and run the job again"
RESUME = ["sweep", "sw.yaml", "--out", "o", "--resume"]
OLD = ["run.db: tables have version 4, this program supports ", "choose another --out"]


def given(bitline, folder, store):
    """The case's own store was written by an older version of the tables."""
    (folder / "o").mkdir()
    shutil.copy(store, folder / "o" / "run.db")
    bitline.refuse(folder, RESUME, OLD)
    shutil.rmtree(folder / "o")


def damaged(bitline, folder, statements, says):
    """Refused with the remedy, which is then right: without the store the same bytes come again."""
    whole = sweep(bitline, folder, "o")
    with open_db(folder / "o" / "run.db") as db:
        db.executescript(statements)
    bitline.refuse(folder, RESUME, ["o/run.db: table ", says, REMEDY])
    (folder / "o" / "run.db").unlink()
    expect(sweep(bitline, folder, "o") == whole, "other results")
    shutil.rmtree(folder / "o")


def null_segfault(bitline, folder):
    given(bitline, folder, folder / "run.db")
    damaged(bitline, folder,
            "create table k2(job text, key text, value text);"
            "insert into k2 select 'deadbeef', key, NULL from job_key; drop table job_key;"
            "alter table k2 rename to job_key; update job set job = 'deadbeef';",
            "job_key has other columns or keys")


def duplicates_hang_and_nan(bitline, folder):
    for name in "hang", "nan":
        given(bitline, folder, folder / name / "run.db")
    for where, times in ("", 2), ("where point = 0", 3):
        insert = f"insert into t2 select * from trial {where};" * (times - 1)
        damaged(bitline, folder,
                f"create table t2 as select * from trial {where}; {insert}"
                "drop table trial; alter table t2 rename to trial;",
                "trial has other columns or keys")


def counts_overflow(bitline, folder):
    given(bitline, folder, folder / "run.db")
    damaged(bitline, folder, "update trial set cells = -5, stuck_lrs = 9223372036854775807",
            "trial, point 0, trial 0: cells is -5, expected an integer from 0 to ")
