// The job of a store: written once, later read and checked together with all tables of the store.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "tools/study/sql.h"
#include "tools/study/sql_table.h"

static const struct store_column job_columns[] = {{.name = "name", .type = STORE_TEXT}};
static const struct store_table job_table = {.name = "job", .columns = job_columns, .n = 1};
static const struct store_column key_columns[] = {{.name = "key", .type = STORE_TEXT},
                                                  {.name = "value", .type = STORE_TEXT}};
static const struct store_table key_table = {
    .name = "job_key", .columns = key_columns, .n = 2, .n_keys = 1};

static void set_job(struct store *s, const char *hash)
{
    size_t n = strlen(hash) + 1;
    free(s->job);
    s->job = memcpy(mem_alloc(n, 1), hash, n);
}

static bool write_job(struct store *s, const struct store_job *job, struct err *err)
{
    char version[48];
    snprintf(version, sizeof version, "PRAGMA user_version = %d", STORE_VERSION);
    if (!sql_run(s, version, err) || !sql_table_create(s, &job_table, err) ||
        !sql_table_create(s, &key_table, err))
        return false;
    for (const struct store_table *const *t = job->tables; *t; t++)
        if (!sql_table_create(s, *t, err))
            return false;
    if (!sql_table_add(s, &job_table, (struct store_value[]){{.text = job->name}}, err))
        return false;
    for (size_t i = 0; i < job->n_keys; i++) {
        struct store_value values[] = {{.text = job->keys[i].key}, {.text = job->keys[i].value}};
        if (!sql_table_add(s, &key_table, values, err))
            return false;
    }
    s->is_new = true;
    return true;
}

// --- Comparing ---

struct comparing {
    const struct store *store;
    const struct store_job *job;
    size_t alike, stored; // keys
    char what[420];       // up to three that differ
    size_t used, reported;
};

static void add_difference(struct comparing *c, const char *key, const char *there,
                           const char *here)
{
    if (c->reported == 3 || c->used >= sizeof c->what)
        return;
    int n = snprintf(c->what + c->used, sizeof c->what - c->used, "%s%s: %.60s there, %.60s here",
                     c->reported++ ? "; " : "", key, there, here);
    c->used += n > 0 ? (size_t)n : 0;
}

static const char *value_of(const struct store_job *job, const char *key)
{
    for (size_t i = 0; i < job->n_keys; i++)
        if (strcmp(job->keys[i].key, key) == 0)
            return job->keys[i].value;
    return NULL;
}

// Stored keys that this job lacks are only counted.
static bool compare_key(void *context, const struct store_value *values, struct err *err)
{
    struct comparing *c = context;
    (void)err;
    const char *here = value_of(c->job, values[0].text);
    c->stored++;
    if (here && strcmp(here, values[1].text) == 0)
        c->alike++;
    else if (here)
        add_difference(c, values[0].text, values[1].text, here);
    return true;
}

static bool read_hash(struct store *s, char *hash, size_t size, struct err *err)
{
    int64_t rows;
    if (!sql_number(s, "SELECT count(*) FROM job", &rows, err))
        return false;
    if (rows != 1)
        return store_damaged(s, err, "table job has %lld rows, expected 1", (long long)rows);
    sqlite3_stmt *q = sql_query(s, err, "SELECT CAST(job AS TEXT) FROM job", "");
    bool ok = q && (sqlite3_step(q) == SQLITE_ROW || sql_fail(s, err));
    const char *text = ok ? (const char *)sqlite3_column_text(q, 0) : NULL;
    snprintf(hash, size, "%s", text ? text : "");
    sqlite3_finalize(q);
    return ok;
}

// Checks the rows as those of the job that the store claims to hold.
static bool compare_job(struct store *s, const struct store_job *job, struct err *err)
{
    char stored[64];
    struct comparing c = {.store = s, .job = job};
    if (!sql_table_check_schema(s, &job_table, err) ||
        !sql_table_check_schema(s, &key_table, err) || !read_hash(s, stored, sizeof stored, err))
        return false;
    set_job(s, stored);
    if (!sql_table_read(s, &job_table, NULL, NULL, err) ||
        !sql_table_read(s, &key_table, compare_key, &c, err))
        return false;
    bool same = c.alike == job->n_keys && c.stored == job->n_keys;
    if (same && strcmp(stored, job->hash) == 0)
        return true;
    if (same || strcmp(stored, job->hash) == 0)
        return store_damaged(s, err, "the job's keys do not fit its hash");
    if (!c.reported && c.alike < job->n_keys)
        snprintf(c.what, sizeof c.what, "it lacks keys that this one has");
    return err_set(err, "%s: holds another job (%s); choose another --out", s->path,
                   *c.what ? c.what : "it has keys that this job lacks");
}

// --- Checking the rest ---

// sqlite_stat*: what ANALYZE writes.
static bool refuse_foreign(struct store *s, const struct store_job *job, struct err *err)
{
    sqlite3_stmt *q = sql_query(
        s, err,
        "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite^_stat%' ESCAPE '^'", "");
    bool ok = q != NULL;
    int code = SQLITE_DONE;
    while (ok && (code = sqlite3_step(q)) == SQLITE_ROW) {
        const char *type = (const char *)sqlite3_column_text(q, 0);
        const char *name = (const char *)sqlite3_column_text(q, 1);
        bool own = name && (!strcmp(name, job_table.name) || !strcmp(name, key_table.name));
        for (const struct store_table *const *t = job->tables; name && *t; t++)
            own = own || strcmp((*t)->name, name) == 0;
        if (!own)
            ok = store_damaged(s, err, "has a %.20s '%.60s', which this program did not make",
                               type ? type : "part", name ? name : "");
    }
    if (ok && code != SQLITE_DONE)
        ok = sql_fail(s, err);
    sqlite3_finalize(q);
    return ok;
}

static bool check_tables(struct store *s, const struct store_job *job, struct err *err)
{
    for (const struct store_table *const *t = job->tables; *t; t++)
        if (!sql_table_check_schema(s, *t, err) || !sql_table_read(s, *t, NULL, NULL, err))
            return false;
    return refuse_foreign(s, job, err);
}

// Called in a transaction, so that a store has both its tables and its job, or neither.
bool store_begin(struct store *s, const struct store_job *job, struct err *err)
{
    int64_t version = 0, parts = 0;
    set_job(s, job->hash);
    if (!sql_number(s, "PRAGMA user_version", &version, err) ||
        !sql_number(s, "SELECT count(*) FROM sqlite_schema", &parts, err))
        return false;
    if (version == 0 && parts > 0)
        return err_set(err, "%s: not a bitline database, or damaged; choose another --out",
                       s->path);
    if (version == 0)
        return write_job(s, job, err);
    return compare_job(s, job, err) && check_tables(s, job, err);
}

bool store_is_new(const struct store *s)
{
    return s->is_new;
}
