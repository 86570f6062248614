// The tables of searches.
#include "sim/base/err.h"
#include "tools/store/sql.h"

#define TABLES(more)                                                                               \
    "CREATE TABLE episode (job TEXT NOT NULL REFERENCES job, episode INTEGER NOT NULL,"            \
    " widths TEXT NOT NULL, knobs TEXT NOT NULL, failed INTEGER NOT NULL, why TEXT NOT NULL,"      \
    " energy_j REAL NOT NULL, latency_s REAL NOT NULL, area_m2 REAL NOT NULL,"                     \
    " binary_ops INTEGER NOT NULL, accuracy REAL NOT NULL, reward REAL NOT NULL,"                  \
    " violation REAL NOT NULL, chip_hash TEXT NOT NULL, net_hash TEXT NOT NULL," more              \
    " PRIMARY KEY (job, episode)) WITHOUT ROWID;"                                                  \
    "CREATE TABLE episode_time (job TEXT NOT NULL REFERENCES job, episode INTEGER NOT NULL,"       \
    " seconds REAL NOT NULL, finished TEXT NOT NULL, PRIMARY KEY (job, episode)) WITHOUT ROWID;"

const char store_episode_tables[] = TABLES("");
const char store_clean_episode_tables[] = TABLES(" clean_accuracy REAL NOT NULL,");

#define COLUMNS                                                                                    \
    "episode, widths, knobs, failed, why, energy_j, latency_s, area_m2, binary_ops, accuracy,"     \
    " reward, violation, chip_hash, net_hash"
#define FROM " FROM episode WHERE job = ? ORDER BY episode"

struct adding {
    struct store *store;
    const struct store_episode *episode;
};

static bool write_row(const struct adding *a, struct err *err)
{
    const struct store_episode *e = a->episode;
    return sql_change(
        a->store, err,
        e->has_clean ? "INSERT INTO episode VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
                       " ?, ?)"
                     : "INSERT INTO episode VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
                       " ?)",
        e->has_clean ? "sissisdddidddssd" : "sissisdddidddss", a->store->job, e->episode, e->widths,
        e->knobs, (int64_t)e->failed, e->why, e->energy_j, e->latency_s, e->area_m2, e->binary_ops,
        e->accuracy, e->reward, e->violation, e->chip_hash, e->net_hash, e->clean_accuracy);
}

static bool write_episode(void *context, struct err *err)
{
    const struct adding *a = context;
    return write_row(a, err) &&
           sql_change(a->store, err, "INSERT INTO episode_time VALUES (?, ?, ?, datetime('now'))",
                      "sid", a->store->job, a->episode->episode, a->episode->seconds);
}

bool store_add_episode(struct store *store, const struct store_episode *episode, struct err *err)
{
    struct adding adding = {store, episode};
    return store_transaction(store, write_episode, &adding, err);
}

static const char *text_at(sqlite3_stmt *q, int column)
{
    const unsigned char *text = sqlite3_column_text(q, column);
    return text ? (const char *)text : "";
}

bool store_read_episodes(struct store *store, bool clean,
                         bool (*each)(void *context, const struct store_episode *episode,
                                      struct err *err),
                         void *context, struct err *err)
{
    sqlite3_stmt *q = sql_query(
        store, err, clean ? "SELECT " COLUMNS ", clean_accuracy" FROM : "SELECT " COLUMNS FROM, "s",
        store->job);
    bool ok = q != NULL;
    int code = SQLITE_DONE;
    while (ok && (code = sqlite3_step(q)) == SQLITE_ROW) {
        struct store_episode e = {
            .episode = sqlite3_column_int64(q, 0),
            .widths = text_at(q, 1),
            .knobs = text_at(q, 2),
            .failed = sqlite3_column_int64(q, 3) != 0,
            .why = text_at(q, 4),
            .energy_j = sqlite3_column_double(q, 5),
            .latency_s = sqlite3_column_double(q, 6),
            .area_m2 = sqlite3_column_double(q, 7),
            .binary_ops = sqlite3_column_int64(q, 8),
            .accuracy = sqlite3_column_double(q, 9),
            .reward = sqlite3_column_double(q, 10),
            .violation = sqlite3_column_double(q, 11),
            .chip_hash = text_at(q, 12),
            .net_hash = text_at(q, 13),
            .has_clean = clean,
            .clean_accuracy = clean ? sqlite3_column_double(q, 14) : 0,
        };
        ok = each(context, &e, err);
    }
    if (ok && code != SQLITE_DONE)
        ok = sql_fail(store, err);
    sqlite3_finalize(q);
    return ok;
}
