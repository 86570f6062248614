// The tables of sweeps.
#include "sim/base/err.h"
#include "tools/store/sql.h"

const char store_trial_tables[] =
    "CREATE TABLE point_value (job TEXT NOT NULL REFERENCES job, point INTEGER NOT NULL,"
    " path TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (job, point, path)) WITHOUT ROWID;"
    "CREATE TABLE trial (job TEXT NOT NULL REFERENCES job, point INTEGER NOT NULL,"
    " trial INTEGER NOT NULL, images INTEGER NOT NULL, correct INTEGER NOT NULL,"
    " cells INTEGER NOT NULL, stuck_lrs INTEGER NOT NULL, stuck_hrs INTEGER NOT NULL,"
    " word_lines_used INTEGER NOT NULL, word_lines INTEGER NOT NULL,"
    " bit_lines_used INTEGER NOT NULL, bit_lines INTEGER NOT NULL,"
    " drivers_used INTEGER NOT NULL, drivers INTEGER NOT NULL,"
    " adcs_used INTEGER NOT NULL, adcs INTEGER NOT NULL,"
    " PRIMARY KEY (job, point, trial)) WITHOUT ROWID;"
    "CREATE TABLE trial_time (job TEXT NOT NULL REFERENCES job, point INTEGER NOT NULL,"
    " trial INTEGER NOT NULL, seconds REAL NOT NULL, finished TEXT NOT NULL,"
    " PRIMARY KEY (job, point, trial)) WITHOUT ROWID;";

bool store_add_value(struct store *store, int64_t point, const char *path, const char *value,
                     struct err *err)
{
    return sql_change(store, err, "INSERT OR IGNORE INTO point_value VALUES (?, ?, ?, ?)", "siss",
                      store->job, point, path, value);
}

struct adding {
    struct store *store;
    const struct store_trial *trial;
};

static bool write_trial(void *context, struct err *err)
{
    const struct adding *a = context;
    const struct store_trial *t = a->trial;
    return sql_change(a->store, err,
                      "INSERT INTO trial VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                      "siiiiiiiiiiiiiii", a->store->job, t->point, t->trial, t->images, t->right,
                      t->cells, t->lrs, t->hrs, t->word_lines.used, t->word_lines.broken,
                      t->bit_lines.used, t->bit_lines.broken, t->drivers.used, t->drivers.broken,
                      t->adcs.used, t->adcs.broken) &&
           sql_change(a->store, err, "INSERT INTO trial_time VALUES (?, ?, ?, ?, datetime('now'))",
                      "siid", a->store->job, t->point, t->trial, t->seconds);
}

bool store_add_trial(struct store *store, const struct store_trial *trial, struct err *err)
{
    struct adding adding = {store, trial};
    return store_transaction(store, write_trial, &adding, err);
}

struct dropping {
    struct store *store;
    int64_t point, first;
};

static bool delete_trials(void *context, struct err *err)
{
    const struct dropping *d = context;
    struct store *s = d->store;
    return sql_change(s, err, "DELETE FROM trial WHERE job = ? AND point = ? AND trial >= ?", "sii",
                      s->job, d->point, d->first) &&
           sql_change(s, err, "DELETE FROM trial_time WHERE job = ? AND point = ? AND trial >= ?",
                      "sii", s->job, d->point, d->first);
}

bool store_drop_trials(struct store *store, int64_t point, int64_t first, struct err *err)
{
    struct dropping dropping = {store, point, first};
    return store_transaction(store, delete_trials, &dropping, err);
}

static struct store_parts read_parts(sqlite3_stmt *q, int column)
{
    return (struct store_parts){sqlite3_column_int64(q, column),
                                sqlite3_column_int64(q, column + 1)};
}

bool store_read_trials(struct store *store,
                       bool (*each)(void *context, const struct store_trial *trial,
                                    struct err *err),
                       void *context, struct err *err)
{
    sqlite3_stmt *q = sql_query(store, err,
                                "SELECT point, trial, images, correct, cells, stuck_lrs, stuck_hrs,"
                                " word_lines_used, word_lines, bit_lines_used, bit_lines,"
                                " drivers_used, drivers, adcs_used, adcs"
                                " FROM trial WHERE job = ? ORDER BY point, trial",
                                "s", store->job);
    bool ok = q != NULL;
    int code = SQLITE_DONE;
    while (ok && (code = sqlite3_step(q)) == SQLITE_ROW) {
        struct store_trial t = {
            .point = sqlite3_column_int64(q, 0),
            .trial = sqlite3_column_int64(q, 1),
            .images = sqlite3_column_int64(q, 2),
            .right = sqlite3_column_int64(q, 3),
            .cells = sqlite3_column_int64(q, 4),
            .lrs = sqlite3_column_int64(q, 5),
            .hrs = sqlite3_column_int64(q, 6),
            .word_lines = read_parts(q, 7),
            .bit_lines = read_parts(q, 9),
            .drivers = read_parts(q, 11),
            .adcs = read_parts(q, 13),
        };
        ok = each(context, &t, err);
    }
    if (ok && code != SQLITE_DONE)
        ok = sql_fail(store, err);
    sqlite3_finalize(q);
    return ok;
}
