#include "tools/study/sql.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

#define GO_ON "then continue with --resume"

bool store_damaged(const struct store *s, struct err *err, const char *format, ...)
{
    char what[400];
    const char *slash = strrchr(s->path, '/');
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return err_set(err,
                   "%s: %s; restore the file from a copy, or delete it and run the job again "
                   "(`sqlite3 %s .dump` prints what can still be read)",
                   s->path, what, slash ? slash + 1 : s->path);
}

static bool fail_io(const struct store *s, const char *why, struct err *err)
{
    int number = sqlite3_system_errno(s->db);
    return err_fail(err,
                    "%s: reading or writing failed (%s); check the disk and its free space, " GO_ON,
                    s->path, number ? strerror(number) : why);
}

bool sql_fail(const struct store *s, struct err *err)
{
    const char *why = sqlite3_errmsg(s->db);
    if (sqlite3_extended_errcode(s->db) == SQLITE_READONLY_DBMOVED)
        return store_in_place(s, err);
    switch (sqlite3_errcode(s->db) & 0xff) {
    case SQLITE_FULL:
        return err_fail(err, "%s: the disk is full; free some space, " GO_ON, s->path);
    case SQLITE_IOERR:
        return fail_io(s, why, err);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_fail(err, "%s: another program keeps it locked; end that program, " GO_ON,
                        s->path);
    case SQLITE_PROTOCOL:
        return err_fail(err,
                        "%s: the locks of its file system failed; choose an --out on a local disk",
                        s->path);
    case SQLITE_READONLY:
        return err_fail(err,
                        "%s: the file or its folder cannot be written; change the permissions, or "
                        "copy the folder to a disk that can be written, " GO_ON,
                        s->path);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return err_fail(err,
                        "%s: cannot be opened or created; check the permissions of the file and "
                        "its folder, or choose another --out",
                        s->path);
    case SQLITE_NOMEM:
        return err_fail(err, "%s: out of memory; end other programs, " GO_ON, s->path);
    case SQLITE_NOTADB:
        return store_damaged(s, err, "is not an SQLite file, or its start is damaged");
    default:
        return store_damaged(s, err, "is damaged (%s)", why);
    }
}

bool sql_run(struct store *s, const char *sql, struct err *err)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || sql_fail(s, err);
}

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

bool sql_number(struct store *s, const char *sql, int64_t *number, struct err *err)
{
    sqlite3_stmt *q = sql_query(s, err, sql, "");
    bool ok = q && (sqlite3_step(q) == SQLITE_ROW || sql_fail(s, err));
    if (ok)
        *number = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return ok;
}
