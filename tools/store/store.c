#include "tools/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "sim/base/err.h"
#include "sim/base/mem.h"

struct store {
    char *path, *folder; // of run.db
    char *job;           // hash of the one being worked at; NULL before store_begin
    int lock;            // the folder, open and locked
    sqlite3 *db;
};

static const char tables[] =
    "CREATE TABLE job (job TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE job_key (job TEXT NOT NULL REFERENCES job, key TEXT NOT NULL,"
    " value TEXT NOT NULL, PRIMARY KEY (job, key)) WITHOUT ROWID;"
    "CREATE TABLE point_value (job TEXT NOT NULL REFERENCES job, point INTEGER NOT NULL,"
    " path TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (job, point, path)) WITHOUT ROWID;"
    "CREATE TABLE trial (job TEXT NOT NULL REFERENCES job, point INTEGER NOT NULL,"
    " trial INTEGER NOT NULL, images INTEGER NOT NULL, correct INTEGER NOT NULL,"
    " cells INTEGER NOT NULL, stuck_lrs INTEGER NOT NULL, stuck_hrs INTEGER NOT NULL,"
    " PRIMARY KEY (job, point, trial)) WITHOUT ROWID;"
    "CREATE TABLE trial_time (job TEXT NOT NULL REFERENCES job, point INTEGER NOT NULL,"
    " trial INTEGER NOT NULL, seconds REAL NOT NULL, finished TEXT NOT NULL,"
    " PRIMARY KEY (job, point, trial)) WITHOUT ROWID;"
    "CREATE TABLE epoch (job TEXT NOT NULL REFERENCES job, epoch INTEGER NOT NULL,"
    " loss REAL NOT NULL, train_accuracy REAL NOT NULL, held_out_accuracy REAL,"
    " learning_rate REAL NOT NULL, PRIMARY KEY (job, epoch)) WITHOUT ROWID;"
    "CREATE TABLE epoch_time (job TEXT NOT NULL REFERENCES job, epoch INTEGER NOT NULL,"
    " seconds REAL NOT NULL, finished TEXT NOT NULL, PRIMARY KEY (job, epoch)) WITHOUT ROWID;";

static bool fail(const struct store *s, struct err *err)
{
    int code = sqlite3_errcode(s->db) & 0xff;
    const char *why = sqlite3_errmsg(s->db);
    if (code == SQLITE_FULL)
        return err_set(err, "%s: the disk is full; make room, then go on with --resume", s->path);
    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
        return err_set(err, "%s: is no sound store (%s); remove it or choose another --out",
                       s->path, why);
    if (code == SQLITE_BUSY)
        return err_set(err,
                       "%s: another program keeps it locked; end that, then go on with "
                       "--resume",
                       s->path);
    if (code == SQLITE_IOERR)
        return err_set(err,
                       "%s: %s; check that the disk is sound and not full, then go on with "
                       "--resume",
                       s->path, why);
    return err_set(err, "%s: %s", s->path, why);
}

static bool run_sql(struct store *s, const char *sql, struct err *err)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || fail(s, err);
}

// One statement with its values: i an int64_t, d a double, s a text. NULL on failure.
static sqlite3_stmt *prepare(struct store *s, struct err *err, const char *sql, const char *types,
                             va_list args)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL);
    for (int i = 0; code == SQLITE_OK && types[i]; i++)
        if (types[i] == 'i')
            code = sqlite3_bind_int64(statement, i + 1, va_arg(args, int64_t));
        else if (types[i] == 'd')
            code = sqlite3_bind_double(statement, i + 1, va_arg(args, double));
        else
            code = sqlite3_bind_text(statement, i + 1, va_arg(args, const char *), -1, NULL);
    if (code == SQLITE_OK)
        return statement;
    fail(s, err);
    sqlite3_finalize(statement);
    return NULL;
}

static sqlite3_stmt *query(struct store *s, struct err *err, const char *sql, const char *types,
                           ...)
{
    va_list args;
    va_start(args, types);
    sqlite3_stmt *statement = prepare(s, err, sql, types, args);
    va_end(args);
    return statement;
}

static bool change(struct store *s, struct err *err, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    sqlite3_stmt *statement = prepare(s, err, sql, types, args);
    va_end(args);
    bool ok = statement && (sqlite3_step(statement) == SQLITE_DONE || fail(s, err));
    sqlite3_finalize(statement);
    return ok;
}

static bool read_version(struct store *s, int64_t *version, struct err *err)
{
    sqlite3_stmt *q = query(s, err, "PRAGMA user_version", "");
    bool ok = q && (sqlite3_step(q) == SQLITE_ROW || fail(s, err));
    if (ok)
        *version = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return ok;
}

// The folder itself is locked, not a file in it: nothing is left behind, and a killed process lets
// go by itself.
static bool take_lock(struct store *s, struct err *err)
{
    s->lock = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->lock < 0)
        return err_set(err, "%s: cannot be opened: %s", s->folder, strerror(errno));
    if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        return err_set(err,
                       "%s: another bitline works in it; wait for its end or choose another "
                       "--out",
                       s->folder);
    return err_set(err, "%s: cannot be locked: %s; choose an --out on a local disk", s->folder,
                   strerror(errno));
}

// WAL, so that others can read meanwhile. A power cut may cost the last trials, which --resume
// does again, but never the file: NORMAL is enough.
static bool connect(struct store *s, struct err *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (sqlite3_open_v2(s->path, &s->db, flags, NULL) != SQLITE_OK)
        return fail(s, err);
    sqlite3_busy_timeout(s->db, 10000);
    int64_t version = 0;
    if (!run_sql(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", err) ||
        !read_version(s, &version, err))
        return false;
    return version == 0 || version == STORE_VERSION ||
           err_set(err,
                   "%s: has version %lld of the tables, this program knows %d; choose another "
                   "--out",
                   s->path, (long long)version, STORE_VERSION);
}

static char *join(const char *a, const char *b)
{
    size_t n = strlen(a) + strlen(b) + 1;
    char *text = mem_alloc(n, 1);
    snprintf(text, n, "%s%s", a, b);
    return text;
}

struct store *store_open(const char *folder, bool resume, struct err *err)
{
    struct store *s = mem_alloc(1, sizeof *s);
    struct stat st;
    s->lock = -1;
    s->folder = join(folder, "");
    s->path = join(folder, "/run.db");
    bool ok = take_lock(s, err);
    if (ok && !resume && stat(s->path, &st) == 0)
        ok =
            err_set(err, "%s: there is a run already; go on with --resume, or choose another --out",
                    s->path);
    if (ok && connect(s, err))
        return s;
    store_close(s);
    return NULL;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    sqlite3_close(store->db);
    store_leave(store);
    free(store->folder);
    free(store->path);
    free(store->job);
    free(store);
}

void store_leave(const struct store *store)
{
    if (store->lock >= 0)
        close(store->lock);
}

bool store_transaction(struct store *store, bool (*writes)(void *context, struct err *err),
                       void *context, struct err *err)
{
    if (!run_sql(store, "BEGIN IMMEDIATE", err))
        return false;
    if (writes(context, err) && run_sql(store, "COMMIT", err))
        return true;
    sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL); // the first failure is the one told
    return false;
}

// Names up to three keys that the stored job and this one do not have alike.
static bool refuse_other(struct store *s, const char *stored, const struct store_job *job,
                         struct err *err)
{
    char what[420] = "";
    size_t used = 0;
    for (size_t i = 0, told = 0; i < job->n_keys && told < 3; i++) {
        const struct store_key *key = &job->keys[i];
        sqlite3_stmt *q = query(s, err, "SELECT value FROM job_key WHERE job = ? AND key = ?", "ss",
                                stored, key->key);
        if (!q)
            return false;
        bool there = sqlite3_step(q) == SQLITE_ROW;
        const char *value = there ? (const char *)sqlite3_column_text(q, 0) : "nothing";
        if (strcmp(value, key->value) != 0 && used < sizeof what) {
            int n = snprintf(what + used, sizeof what - used, "%s%s: %.60s there, %.60s here",
                             told++ ? "; " : "", key->key, value, key->value);
            used += n > 0 ? (size_t)n : 0;
        }
        sqlite3_finalize(q);
    }
    return err_set(err, "%s: holds another job (%s); choose another --out", s->path,
                   *what ? what : "it has keys that this one lacks");
}

static bool write_job(struct store *s, const struct store_job *job, struct err *err)
{
    char version[48];
    snprintf(version, sizeof version, "PRAGMA user_version = %d", STORE_VERSION);
    if (!run_sql(s, tables, err) || !run_sql(s, version, err) ||
        !change(s, err, "INSERT INTO job VALUES (?, ?)", "ss", job->hash, job->name))
        return false;
    for (size_t i = 0; i < job->n_keys; i++)
        if (!change(s, err, "INSERT INTO job_key VALUES (?, ?, ?)", "sss", job->hash,
                    job->keys[i].key, job->keys[i].value))
            return false;
    return true;
}

// To be called in a transaction: a store has its tables and its job, or nothing.
bool store_begin(struct store *s, const struct store_job *job, struct err *err)
{
    int64_t version = 0;
    free(s->job);
    s->job = join(job->hash, "");
    if (!read_version(s, &version, err))
        return false;
    if (version == 0)
        return write_job(s, job, err);
    sqlite3_stmt *q = query(s, err, "SELECT job FROM job", "");
    if (!q)
        return false;
    char stored[64] = "";
    if (sqlite3_step(q) == SQLITE_ROW)
        snprintf(stored, sizeof stored, "%s", (const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    return strcmp(stored, job->hash) == 0 || refuse_other(s, stored, job, err);
}

bool store_add_value(struct store *store, int64_t point, const char *path, const char *value,
                     struct err *err)
{
    return change(store, err, "INSERT OR IGNORE INTO point_value VALUES (?, ?, ?, ?)", "siss",
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
    return change(a->store, err, "INSERT INTO trial VALUES (?, ?, ?, ?, ?, ?, ?, ?)", "siiiiiii",
                  a->store->job, t->point, t->trial, t->images, t->right, t->cells, t->lrs,
                  t->hrs) &&
           change(a->store, err, "INSERT INTO trial_time VALUES (?, ?, ?, ?, datetime('now'))",
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
    return change(s, err, "DELETE FROM trial WHERE job = ? AND point = ? AND trial >= ?", "sii",
                  s->job, d->point, d->first) &&
           change(s, err, "DELETE FROM trial_time WHERE job = ? AND point = ? AND trial >= ?",
                  "sii", s->job, d->point, d->first);
}

bool store_drop_trials(struct store *store, int64_t point, int64_t first, struct err *err)
{
    struct dropping dropping = {store, point, first};
    return store_transaction(store, delete_trials, &dropping, err);
}

bool store_read_trials(struct store *store,
                       bool (*each)(void *context, const struct store_trial *trial,
                                    struct err *err),
                       void *context, struct err *err)
{
    sqlite3_stmt *q = query(store, err,
                            "SELECT point, trial, images, correct, cells, stuck_lrs, stuck_hrs"
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
        };
        ok = each(context, &t, err);
    }
    if (ok && code != SQLITE_DONE)
        ok = fail(store, err);
    sqlite3_finalize(q);
    return ok;
}

struct adding_epoch {
    struct store *store;
    const struct store_epoch *epoch;
};

static bool write_epoch(void *context, struct err *err)
{
    const struct adding_epoch *a = context;
    const struct store_epoch *e = a->epoch;
    return change(a->store, err, "INSERT INTO epoch VALUES (?, ?, ?, ?, NULLIF(?, -1.0), ?)",
                  "sidddd", a->store->job, e->epoch, e->loss, e->train_accuracy,
                  e->held_out_accuracy, e->rate) &&
           change(a->store, err, "INSERT INTO epoch_time VALUES (?, ?, ?, datetime('now'))", "sid",
                  a->store->job, e->epoch, e->seconds);
}

bool store_add_epoch(struct store *store, const struct store_epoch *epoch, struct err *err)
{
    struct adding_epoch adding = {store, epoch};
    return store_transaction(store, write_epoch, &adding, err);
}

struct dropping_epochs {
    struct store *store;
    int64_t first;
};

static bool delete_epochs(void *context, struct err *err)
{
    const struct dropping_epochs *d = context;
    return change(d->store, err, "DELETE FROM epoch WHERE job = ? AND epoch >= ?", "si",
                  d->store->job, d->first) &&
           change(d->store, err, "DELETE FROM epoch_time WHERE job = ? AND epoch >= ?", "si",
                  d->store->job, d->first);
}

bool store_drop_epochs(struct store *store, int64_t first, struct err *err)
{
    struct dropping_epochs dropping = {store, first};
    return store_transaction(store, delete_epochs, &dropping, err);
}
