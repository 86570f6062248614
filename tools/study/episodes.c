// The tables of searches.
#include <inttypes.h>

#include "base/err.h"
#include "tools/study/sql.h"
#include "tools/study/sql_table.h"

#define N(columns) (sizeof(columns) / sizeof *(columns))
#define EPISODE                                                                                    \
    {                                                                                              \
        .name = "episode", .type = STORE_INT, .min = -1e9, .max = 1e9                              \
    }
#define COST(column)                                                                               \
    {                                                                                              \
        .name = column, .type = STORE_REAL, .max = 1e300                                           \
    }
#define ACCURACY(column)                                                                           \
    {                                                                                              \
        .name = column, .type = STORE_REAL, .max = 1                                               \
    }

// In the order of write_episode() and read_episode(). clean_accuracy is the last, as not every job
// has it.
static const struct store_column episode_columns[] = {
    EPISODE,
    {.name = "widths", .type = STORE_TEXT},
    {.name = "knobs", .type = STORE_TEXT},
    {.name = "failed", .type = STORE_INT, .max = 1},
    {.name = "why", .type = STORE_TEXT},
    COST("energy_j"),
    COST("latency_s"),
    COST("area_m2"),
    {.name = "binary_ops", .type = STORE_INT, .max = 9e18},
    ACCURACY("accuracy"),
    {.name = "reward", .type = STORE_REAL, .min = -1e300, .max = 1e300},
    COST("violation"),
    {.name = "chip_hash", .type = STORE_HASH},
    {.name = "net_hash", .type = STORE_HASH},
    ACCURACY("clean_accuracy"),
};
static const struct store_table episode_table = {
    .name = "episode", .columns = episode_columns, .n = N(episode_columns) - 1, .n_keys = 1};
static const struct store_table clean_episode_table = {
    .name = "episode", .columns = episode_columns, .n = N(episode_columns), .n_keys = 1};

static const struct store_column time_columns[] = {
    EPISODE,
    {.name = "seconds", .type = STORE_REAL, .max = 1e12},
    {.name = "finished", .type = STORE_TEXT},
};
static const struct store_table episode_time = {.name = "episode_time",
                                                .columns = time_columns,
                                                .n = N(time_columns),
                                                .n_keys = 1,
                                                .replaces = true};

const struct store_table *const store_episode_tables[] = {&episode_table, &episode_time, NULL};
const struct store_table *const store_clean_episode_tables[] = {&clean_episode_table, &episode_time,
                                                                NULL};

struct adding {
    struct store *store;
    const struct store_episode *episode;
};

static bool write_episode(void *context, struct err *err)
{
    const struct adding *a = context;
    const struct store_episode *e = a->episode;
    char now[STORE_TIME_SIZE];
    struct store_value values[] = {
        {.integer = e->episode}, {.text = e->widths},   {.text = e->knobs},
        {.integer = e->failed},  {.text = e->why},      {.real = e->energy_j},
        {.real = e->latency_s},  {.real = e->area_m2},  {.integer = e->binary_ops},
        {.real = e->accuracy},   {.real = e->reward},   {.real = e->violation},
        {.text = e->chip_hash},  {.text = e->net_hash}, {.real = e->clean_accuracy},
    };
    struct store_value times[] = {
        {.integer = e->episode}, {.real = e->seconds}, {.text = sql_now(now)}};
    return sql_table_add(a->store, e->has_clean ? &clean_episode_table : &episode_table, values,
                         err) &&
           sql_table_add(a->store, &episode_time, times, err);
}

bool store_add_episode(struct store *store, const struct store_episode *episode, struct err *err)
{
    struct adding adding = {store, episode};
    return store_transaction(store, write_episode, &adding, err);
}

struct reading {
    const struct store *store;
    bool clean;
    bool (*each)(void *context, const struct store_episode *episode, struct err *err);
    void *context;
};

static bool read_episode(void *context, const struct store_value *v, struct err *err)
{
    const struct reading *r = context;
    struct store_episode e = {
        .episode = v[0].integer,
        .widths = v[1].text,
        .knobs = v[2].text,
        .failed = v[3].integer != 0,
        .why = v[4].text,
        .energy_j = v[5].real,
        .latency_s = v[6].real,
        .area_m2 = v[7].real,
        .binary_ops = v[8].integer,
        .accuracy = v[9].real,
        .reward = v[10].real,
        .violation = v[11].real,
        .chip_hash = v[12].text,
        .net_hash = v[13].text,
        .has_clean = r->clean,
        .clean_accuracy = r->clean ? v[14].real : 0,
    };
    return r->each(r->context, &e, err);
}

bool store_read_episodes(struct store *store, bool clean,
                         bool (*each)(void *context, const struct store_episode *episode,
                                      struct err *err),
                         void *context, struct err *err)
{
    struct reading reading = {store, clean, each, context};
    return sql_table_read(store, clean ? &clean_episode_table : &episode_table, read_episode,
                          &reading, err);
}
