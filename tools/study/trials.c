// The tables of sweeps.
#include <inttypes.h>

#include "base/err.h"
#include "tools/study/sql.h"
#include "tools/study/sql_table.h"

#define COUNT(column)                                                                              \
    {                                                                                              \
        .name = column, .type = STORE_INT, .max = STORE_MAX_COUNT                                  \
    }
#define N(columns) (sizeof(columns) / sizeof *(columns))

static const struct store_column value_columns[] = {
    COUNT("point"), {.name = "path", .type = STORE_TEXT}, {.name = "value", .type = STORE_TEXT}};
static const struct store_table point_value = {
    .name = "point_value", .columns = value_columns, .n = N(value_columns), .n_keys = 2};

// In the order of write_trial() and trial_of().
static const struct store_column trial_columns[] = {
    COUNT("point"),      COUNT("trial"),          COUNT("images"),    COUNT("correct"),
    COUNT("cells"),      COUNT("stuck_lrs"),      COUNT("stuck_hrs"), COUNT("word_lines_used"),
    COUNT("word_lines"), COUNT("bit_lines_used"), COUNT("bit_lines"), COUNT("drivers_used"),
    COUNT("drivers"),    COUNT("adcs_used"),      COUNT("adcs"),
};
static const struct store_table trial_table = {
    .name = "trial", .columns = trial_columns, .n = N(trial_columns), .n_keys = 2};

static const struct store_column time_columns[] = {
    COUNT("point"),
    COUNT("trial"),
    {.name = "seconds", .type = STORE_REAL, .max = 1e12},
    {.name = "finished", .type = STORE_TEXT},
};
static const struct store_table trial_time = {.name = "trial_time",
                                              .columns = time_columns,
                                              .n = N(time_columns),
                                              .n_keys = 2,
                                              .replaces = true};

const struct store_table *const store_trial_tables[] = {&point_value, &trial_table, &trial_time,
                                                        NULL};

bool store_add_value(struct store *store, int64_t point, const char *path, const char *value,
                     struct err *err)
{
    struct store_value values[] = {{.integer = point}, {.text = path}, {.text = value}};
    return sql_table_add(store, &point_value, values, err);
}

struct reading {
    const struct store *store;
    bool (*each_value)(void *context, int64_t point, const char *path, const char *value,
                       struct err *err);
    bool (*each_trial)(void *context, const struct store_trial *trial, struct err *err);
    void *context;
};

static bool read_value(void *context, const struct store_value *v, struct err *err)
{
    const struct reading *r = context;
    return r->each_value(r->context, v[0].integer, v[1].text, v[2].text, err);
}

bool store_read_values(struct store *store,
                       bool (*each)(void *context, int64_t point, const char *path,
                                    const char *value, struct err *err),
                       void *context, struct err *err)
{
    struct reading reading = {.store = store, .each_value = each, .context = context};
    return sql_table_read(store, &point_value, read_value, &reading, err);
}

struct adding {
    struct store *store;
    const struct store_trial *trial;
};

static bool write_trial(void *context, struct err *err)
{
    const struct adding *a = context;
    const struct store_trial *t = a->trial;
    char now[STORE_TIME_SIZE];
    struct store_value values[] = {
        {.integer = t->point},
        {.integer = t->trial},
        {.integer = t->images},
        {.integer = t->right},
        {.integer = t->cells},
        {.integer = t->lrs},
        {.integer = t->hrs},
        {.integer = t->word_lines.used},
        {.integer = t->word_lines.broken},
        {.integer = t->bit_lines.used},
        {.integer = t->bit_lines.broken},
        {.integer = t->drivers.used},
        {.integer = t->drivers.broken},
        {.integer = t->adcs.used},
        {.integer = t->adcs.broken},
    };
    struct store_value times[] = {
        {.integer = t->point}, {.integer = t->trial}, {.real = t->seconds}, {.text = sql_now(now)}};
    return sql_table_add(a->store, &trial_table, values, err) &&
           sql_table_add(a->store, &trial_time, times, err);
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

static struct store_parts parts_of(const struct store_value *v)
{
    return (struct store_parts){v[0].integer, v[1].integer};
}

static struct store_trial trial_of(const struct store_value *v)
{
    return (struct store_trial){
        .point = v[0].integer,
        .trial = v[1].integer,
        .images = v[2].integer,
        .right = v[3].integer,
        .cells = v[4].integer,
        .lrs = v[5].integer,
        .hrs = v[6].integer,
        .word_lines = parts_of(v + 7),
        .bit_lines = parts_of(v + 9),
        .drivers = parts_of(v + 11),
        .adcs = parts_of(v + 13),
    };
}

static bool is_part(struct store_parts parts)
{
    return parts.broken <= parts.used;
}

static bool read_trial(void *context, const struct store_value *v, struct err *err)
{
    const struct reading *r = context;
    struct store_trial t = trial_of(v);
    if (t.right > t.images || t.lrs + t.hrs > t.cells || !is_part(t.word_lines) ||
        !is_part(t.bit_lines) || !is_part(t.drivers) || !is_part(t.adcs))
        return store_damaged(r->store, err,
                             "table trial, point %" PRId64 ", trial %" PRId64
                             ": a part is larger than its whole",
                             t.point, t.trial);
    return r->each_trial(r->context, &t, err);
}

bool store_read_trials(struct store *store,
                       bool (*each)(void *context, const struct store_trial *trial,
                                    struct err *err),
                       void *context, struct err *err)
{
    struct reading reading = {.store = store, .each_trial = each, .context = context};
    return sql_table_read(store, &trial_table, read_trial, &reading, err);
}
