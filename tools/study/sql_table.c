#include "tools/study/sql_table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/hash.h"
#include "tools/study/sql.h"

enum { HASH_DIGITS = 16, LABEL_SIZE = 160 };

static const char *const type_names[] = {
    [STORE_INT] = "INTEGER", [STORE_REAL] = "REAL", [STORE_TEXT] = "TEXT", [STORE_HASH] = "TEXT"};
static const int sqlite_types[] = {[STORE_INT] = SQLITE_INTEGER,
                                   [STORE_REAL] = SQLITE_FLOAT,
                                   [STORE_TEXT] = SQLITE_TEXT,
                                   [STORE_HASH] = SQLITE_TEXT};

// --- SQL ---

// NULL on failure; sqlite3_free() it.
static char *finish(struct store *s, sqlite3_str *text, struct err *err)
{
    char *sql = sqlite3_str_finish(text);
    if (!sql)
        err_fail(err, "%s: out of memory", s->path);
    return sql;
}

static void append_keys(sqlite3_str *text, const struct store_table *t)
{
    sqlite3_str_appendall(text, "job");
    for (size_t i = 0; i < t->n_keys; i++)
        sqlite3_str_appendf(text, ", %s", t->columns[i].name);
}

static char *create_sql(struct store *s, const struct store_table *t, struct err *err)
{
    sqlite3_str *text = sqlite3_str_new(s->db);
    sqlite3_str_appendf(text, "CREATE TABLE %s (job TEXT NOT NULL", t->name);
    for (size_t i = 0; i < t->n; i++)
        sqlite3_str_appendf(text, ", %s %s%s", t->columns[i].name, type_names[t->columns[i].type],
                            t->columns[i].may_be_null ? "" : " NOT NULL");
    sqlite3_str_appendall(text, ", checksum INTEGER NOT NULL, PRIMARY KEY (");
    append_keys(text, t);
    sqlite3_str_appendall(text, ")) WITHOUT ROWID");
    return finish(s, text, err);
}

static char *insert_sql(struct store *s, const struct store_table *t, struct err *err)
{
    sqlite3_str *text = sqlite3_str_new(s->db);
    sqlite3_str_appendf(text, "INSERT%s INTO %s VALUES (?", t->replaces ? " OR REPLACE" : "",
                        t->name);
    for (size_t i = 0; i <= t->n; i++)
        sqlite3_str_appendall(text, ", ?");
    sqlite3_str_appendall(text, ")");
    return finish(s, text, err);
}

static char *select_sql(struct store *s, const struct store_table *t, struct err *err)
{
    sqlite3_str *text = sqlite3_str_new(s->db);
    sqlite3_str_appendall(text, "SELECT job");
    for (size_t i = 0; i < t->n; i++)
        sqlite3_str_appendf(text, ", %s", t->columns[i].name);
    sqlite3_str_appendf(text, ", checksum FROM %s ORDER BY ", t->name);
    append_keys(text, t);
    return finish(s, text, err);
}

bool sql_table_create(struct store *s, const struct store_table *t, struct err *err)
{
    char *sql = create_sql(s, t, err);
    bool ok = sql && sql_run(s, sql, err);
    sqlite3_free(sql);
    return ok;
}

bool sql_table_check_schema(struct store *s, const struct store_table *t, struct err *err)
{
    char *sql = create_sql(s, t, err);
    sqlite3_stmt *q =
        sql ? sql_query(s, err, "SELECT type, sql FROM sqlite_schema WHERE name = ?", "s", t->name)
            : NULL;
    int code = q ? sqlite3_step(q) : SQLITE_ERROR;
    bool ok = q && (code == SQLITE_ROW || code == SQLITE_DONE || sql_fail(s, err));
    if (ok && code == SQLITE_DONE)
        ok = store_damaged(s, err, "has no table %s", t->name);
    if (ok) {
        const char *type = (const char *)sqlite3_column_text(q, 0);
        const char *there = (const char *)sqlite3_column_text(q, 1);
        ok = (type && there && strcmp(type, "table") == 0 && strcmp(there, sql) == 0) ||
             store_damaged(s, err, "table %s has other columns or keys than this program gives it",
                           t->name);
    }
    sqlite3_finalize(q);
    sqlite3_free(sql);
    return ok;
}

// --- Rows ---

const char *sql_now(char text[STORE_TIME_SIZE])
{
    time_t now = time(NULL);
    struct tm utc;
    if (!gmtime_r(&now, &utc) || !strftime(text, STORE_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &utc))
        *text = 0;
    return text;
}

static uint64_t hash_number(uint64_t hash, uint64_t number)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(number >> 8 * i);
    return hash_bytes(hash, bytes, sizeof bytes);
}

static int64_t row_checksum(const struct store *s, const struct store_table *t,
                            const struct store_value *values)
{
    uint64_t hash = hash_bytes(HASH_START, t->name, strlen(t->name) + 1);
    hash = hash_bytes(hash, s->job, strlen(s->job) + 1);
    for (size_t i = 0; i < t->n; i++) {
        const struct store_value *v = &values[i];
        enum store_type type = t->columns[i].type;
        hash = hash_number(hash, v->is_null ? UINT64_MAX : (uint64_t)type);
        if (v->is_null)
            continue;
        if (type == STORE_INT) {
            hash = hash_number(hash, (uint64_t)v->integer);
        } else if (type == STORE_REAL) {
            uint64_t bits;
            double real = v->real == 0 ? 0 : v->real; // SQLite does not keep the sign of zero
            memcpy(&bits, &real, sizeof bits);
            hash = hash_number(hash, bits);
        } else {
            hash = hash_bytes(hash, v->text, strlen(v->text) + 1);
        }
    }
    int64_t checksum;
    memcpy(&checksum, &hash, sizeof checksum);
    return checksum;
}

// "table trial, point 3, trial 4"
static void label_row(const struct store_table *t, const struct store_value *values, char *label)
{
    int used = snprintf(label, LABEL_SIZE, "table %s", t->name);
    for (size_t i = 0; i < t->n_keys && used > 0 && used < LABEL_SIZE; i++) {
        size_t left = LABEL_SIZE - (size_t)used;
        const struct store_column *c = &t->columns[i];
        used += c->type == STORE_INT
                    ? snprintf(label + used, left, ", %s %" PRId64, c->name, values[i].integer)
                    : snprintf(label + used, left, ", %s '%.40s'", c->name,
                               values[i].text ? values[i].text : "");
    }
}

// Writes what is wrong with a value of the correct type; returns false.
static bool in_range(const struct store_column *c, const struct store_value *v, char *why,
                     size_t size)
{
    if (v->is_null) {
        if (!c->may_be_null)
            snprintf(why, size, "%s is NULL or not a number", c->name);
        return c->may_be_null;
    }
    if (c->type == STORE_HASH) {
        bool ok = strspn(v->text, "0123456789abcdef") == HASH_DIGITS && !v->text[HASH_DIGITS];
        if (!ok)
            snprintf(why, size, "%s is '%.40s', expected %d hexadecimal digits", c->name, v->text,
                     HASH_DIGITS);
        return ok;
    }
    if (c->type == STORE_TEXT)
        return true;
    double number = c->type == STORE_INT ? (double)v->integer : v->real;
    bool ok = isfinite(number) && number >= c->min && number <= c->max;
    if (!ok)
        snprintf(why, size, "%s is %.17g, expected %s from %g to %g", c->name, number,
                 c->type == STORE_INT ? "an integer" : "a number", c->min, c->max);
    return ok;
}

static bool bind_values(sqlite3_stmt *q, const struct store_table *t,
                        const struct store_value *values)
{
    int code = SQLITE_OK;
    for (size_t i = 0; i < t->n && code == SQLITE_OK; i++) {
        int at = (int)i + 2;
        if (values[i].is_null)
            code = sqlite3_bind_null(q, at);
        else if (t->columns[i].type == STORE_INT)
            code = sqlite3_bind_int64(q, at, values[i].integer);
        else if (t->columns[i].type == STORE_REAL)
            code = sqlite3_bind_double(q, at, values[i].real);
        else
            code = sqlite3_bind_text(q, at, values[i].text, -1, NULL);
    }
    return code == SQLITE_OK;
}

bool sql_table_add(struct store *s, const struct store_table *t, const struct store_value *values,
                   struct err *err)
{
    char why[200], label[LABEL_SIZE];
    for (size_t i = 0; i < t->n; i++)
        if (!in_range(&t->columns[i], &values[i], why, sizeof why)) {
            label_row(t, values, label);
            return err_fail(err, "%s: %s cannot be stored: %s", s->path, label, why);
        }
    char *sql = insert_sql(s, t, err);
    sqlite3_stmt *q = sql ? sql_query(s, err, sql, "s", s->job) : NULL;
    bool ok =
        q && ((bind_values(q, t, values) &&
               sqlite3_bind_int64(q, (int)t->n + 2, row_checksum(s, t, values)) == SQLITE_OK &&
               sqlite3_step(q) == SQLITE_DONE) ||
              sql_fail(s, err));
    sqlite3_finalize(q);
    sqlite3_free(sql);
    return ok;
}

// Bitline never writes a string with a 0 byte.
static bool text_at(sqlite3_stmt *q, int column, const char **text)
{
    *text = (const char *)sqlite3_column_text(q, column);
    return *text && strlen(*text) == (size_t)sqlite3_column_bytes(q, column);
}

// Reads a value of the column's type; false if its type differs.
static bool value_at(sqlite3_stmt *q, int column, const struct store_column *c,
                     struct store_value *v)
{
    int type = sqlite3_column_type(q, column);
    *v = (struct store_value){.is_null = type == SQLITE_NULL};
    if (v->is_null)
        return true;
    if (type != sqlite_types[c->type])
        return false;
    if (c->type == STORE_INT)
        v->integer = sqlite3_column_int64(q, column);
    else if (c->type == STORE_REAL)
        v->real = sqlite3_column_double(q, column);
    else
        return text_at(q, column, &v->text);
    return true;
}

static bool check_row(const struct store *s, const struct store_table *t, sqlite3_stmt *q,
                      struct store_value *values, struct err *err)
{
    char why[200] = "", label[LABEL_SIZE];
    const char *job;
    bool ok = true;
    for (size_t i = 0; i < t->n; i++) {
        bool fits = value_at(q, (int)i + 1, &t->columns[i], &values[i]);
        if (!fits && ok)
            snprintf(why, sizeof why, "%s is not of the type %s", t->columns[i].name,
                     type_names[t->columns[i].type]);
        ok = ok && fits && in_range(&t->columns[i], &values[i], why, sizeof why);
    }
    bool own =
        sqlite3_column_type(q, 0) == SQLITE_TEXT && text_at(q, 0, &job) && strcmp(job, s->job) == 0;
    if (ok && !own)
        snprintf(why, sizeof why, "the row belongs to another job");
    else if (ok && (sqlite3_column_type(q, (int)t->n + 1) != SQLITE_INTEGER ||
                    sqlite3_column_int64(q, (int)t->n + 1) != row_checksum(s, t, values)))
        snprintf(why, sizeof why, "the row's checksum is wrong: a value was changed");
    if (!why[0])
        return true;
    label_row(t, values, label);
    return store_damaged(s, err, "%s: %s", label, why);
}

bool sql_table_read(struct store *s, const struct store_table *t,
                    bool (*each)(void *context, const struct store_value *values, struct err *err),
                    void *context, struct err *err)
{
    struct store_value values[STORE_MOST_COLUMNS];
    char *sql = select_sql(s, t, err);
    sqlite3_stmt *q = sql ? sql_query(s, err, sql, "") : NULL;
    bool ok = q != NULL;
    int code = SQLITE_DONE;
    while (ok && (code = sqlite3_step(q)) == SQLITE_ROW)
        ok = check_row(s, t, q, values, err) && (!each || each(context, values, err));
    if (ok && code != SQLITE_DONE)
        ok = sql_fail(s, err);
    sqlite3_finalize(q);
    sqlite3_free(sql);
    return ok;
}
