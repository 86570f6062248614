#include "tools/study/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "tools/study/memory.h"
#include "tools/study/sql.h"

// The folder itself is locked, not a file in it: no lock file remains, and the lock of a killed
// process is released automatically.
static bool take_lock(struct store *s, struct err *err)
{
    s->lock = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->lock < 0)
        return err_fail(err, "%s: cannot be opened: %s", s->folder, strerror(errno));
    if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        return err_fail(err,
                        "%s: another bitline works in it; wait for its end or choose another "
                        "--out",
                        s->folder);
    return err_fail(err, "%s: cannot be locked: %s; choose an --out on a local disk", s->folder,
                    strerror(errno));
}

// Checks the file's pages and indexes; rows are checked by store_begin().
static bool check_pages(struct store *s, struct err *err)
{
    sqlite3_stmt *q = sql_query(s, err, "PRAGMA integrity_check(1)", "");
    bool ok = q && (sqlite3_step(q) == SQLITE_ROW || sql_fail(s, err));
    const char *text = ok ? (const char *)sqlite3_column_text(q, 0) : NULL;
    if (ok && (!text || strcmp(text, "ok") != 0))
        ok = store_damaged(s, err, "is damaged (%.200s)", text ? text : "unreadable");
    sqlite3_finalize(q);
    return ok;
}

// No code stored in the file is run: no trigger, view or function.
static bool connect(struct store *s, struct err *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    store_memory();
    if (sqlite3_open_v2(s->path, &s->db, flags, NULL) != SQLITE_OK)
        return sql_fail(s, err);
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, 10000);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    int64_t version = 0;
    if (!sql_number(s, "PRAGMA user_version", &version, err))
        return false;
    if (version != 0 && version != STORE_VERSION)
        return err_set(err,
                       "%s: tables have version %lld, this program supports %d; choose another "
                       "--out",
                       s->path, (long long)version, STORE_VERSION);
    // WAL, so that others can read during a run. NORMAL is sufficient: a power failure may lose the
    // last trials, which --resume repeats, but not the file.
    return (version == 0 || check_pages(s, err)) &&
           sql_run(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", err);
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
        ok = err_set(err,
                     "%s: already holds a run; continue it with --resume, or choose another --out",
                     s->path);
    if (ok)
        file_tidy(folder);
    if (ok && connect(s, err))
        return s;
    store_close(s, NULL, NULL);
    return NULL;
}

// Waits a limited time for readers to end, as they keep the log open.
static bool leave_wal(struct store *s, struct err *note, struct err *err)
{
    sqlite3_busy_timeout(s->db, 1000);
    int code = sqlite3_exec(s->db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    if ((code & 0xff) != SQLITE_BUSY && (code & 0xff) != SQLITE_LOCKED)
        return code == SQLITE_OK || sql_fail(s, err);
    err_set(note,
            "%s: another program has it open, so its last rows may still be in %s-wal; end that "
            "program before you copy the file",
            s->path, s->path);
    return true;
}

bool store_close(struct store *store, struct err *note, struct err *err)
{
    if (!store)
        return true;
    bool ok = !store->db || !store->job || leave_wal(store, note, err);
    sqlite3_close(store->db);
    store_leave(store);
    free(store->folder);
    free(store->path);
    free(store->job);
    free(store);
    return ok;
}

void store_leave(const struct store *store)
{
    if (store->lock >= 0)
        close(store->lock);
}

bool store_in_place(const struct store *store, struct err *err)
{
    int moved = 0;
    sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return !moved ||
           err_fail(err,
                    "%s: was deleted, moved or replaced while this run wrote to it; put it (or its "
                    "folder) back and continue with --resume, or run the job again",
                    store->path);
}

bool store_transaction(struct store *store, bool (*writes)(void *context, struct err *err),
                       void *context, struct err *err)
{
    if (!store_in_place(store, err) || !sql_run(store, "BEGIN IMMEDIATE", err))
        return false;
    if (writes(context, err) && sql_run(store, "COMMIT", err))
        return true;
    sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL); // only the first failure is reported
    return false;
}
