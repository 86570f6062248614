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

#include "sim/base/err.h"
#include "sim/base/file.h"
#include "sim/base/mem.h"
#include "tools/store/memory.h"
#include "tools/store/sql.h"

static const char job_tables[] =
    "CREATE TABLE job (job TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE job_key (job TEXT NOT NULL REFERENCES job, key TEXT NOT NULL,"
    " value TEXT NOT NULL, PRIMARY KEY (job, key)) WITHOUT ROWID;";

bool sql_fail(const struct store *s, struct err *err)
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
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || sql_fail(s, err);
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
    sql_fail(s, err);
    sqlite3_finalize(statement);
    return NULL;
}

sqlite3_stmt *sql_query(struct store *s, struct err *err, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    sqlite3_stmt *statement = prepare(s, err, sql, types, args);
    va_end(args);
    return statement;
}

bool sql_change(struct store *s, struct err *err, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    sqlite3_stmt *statement = prepare(s, err, sql, types, args);
    va_end(args);
    bool ok = statement && (sqlite3_step(statement) == SQLITE_DONE || sql_fail(s, err));
    sqlite3_finalize(statement);
    return ok;
}

static bool read_version(struct store *s, int64_t *version, struct err *err)
{
    sqlite3_stmt *q = sql_query(s, err, "PRAGMA user_version", "");
    bool ok = q && (sqlite3_step(q) == SQLITE_ROW || sql_fail(s, err));
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
    store_memory();
    if (sqlite3_open_v2(s->path, &s->db, flags, NULL) != SQLITE_OK)
        return sql_fail(s, err);
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

struct store *store_open(const char *folder, const char *name, bool resume, struct err *err)
{
    struct store *s = mem_alloc(1, sizeof *s);
    struct stat st;
    s->lock = -1;
    s->folder = join(folder, "");
    char *slash = join("/", name);
    s->path = join(folder, slash);
    free(slash);
    bool ok = take_lock(s, err);
    if (ok && !resume && stat(s->path, &st) == 0)
        ok =
            err_set(err, "%s: there is a run already; go on with --resume, or choose another --out",
                    s->path);
    if (ok)
        file_tidy(folder);
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
        sqlite3_stmt *q = sql_query(s, err, "SELECT value FROM job_key WHERE job = ? AND key = ?",
                                    "ss", stored, key->key);
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
    if (!run_sql(s, job_tables, err) || !run_sql(s, job->tables, err) ||
        !run_sql(s, version, err) ||
        !sql_change(s, err, "INSERT INTO job VALUES (?, ?)", "ss", job->hash, job->name))
        return false;
    for (size_t i = 0; i < job->n_keys; i++)
        if (!sql_change(s, err, "INSERT INTO job_key VALUES (?, ?, ?)", "sss", job->hash,
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
    sqlite3_stmt *q = sql_query(s, err, "SELECT job FROM job", "");
    if (!q)
        return false;
    char stored[64] = "";
    if (sqlite3_step(q) == SQLITE_ROW)
        snprintf(stored, sizeof stored, "%s", (const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    return strcmp(stored, job->hash) == 0 || refuse_other(s, stored, job, err);
}
