// Finished work in a SQLite file, FOLDER/run.db or search.db: a kill loses only the work in
// progress, and sqlite3, pandas or DuckDB can read the file, also during a run. One process writes;
// a lock on the folder excludes others. Only this module uses <sqlite3.h>.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum { STORE_VERSION = 5 }; // in user_version; increased by every change of the tables

struct store_key {
    const char *key, *value;
};

// The job. Its keys are everything the results depend on; the hash is computed from them.
struct store_job {
    const char *hash, *name;
    const struct store_key *keys;
    size_t n_keys;
    const struct store_table *const *tables; // store_trial_tables, store_epoch_tables, ...
};

struct store;
struct store_table;

// Opens or creates FOLDER/NAME; the folder must exist. Without `resume` an existing file is
// refused; with it a missing or empty one is initialised. Refuses a folder that another process
// uses, and removes leftovers of a killed one.
struct store *store_open(const char *folder, const char *name, bool resume, struct err *err);
// Leaves a single file, without a write-ahead log, that can be copied and read on read-only media.
// False and err if the disk is full or fails: the last rows are in NAME-wal, where --resume finds
// them. If another program has the file open, the log also stays, which is reported in `note` and
// is not an error. Both may be NULL; the store may be NULL.
bool store_close(struct store *store, struct err *note, struct err *err);
// In a forked process: closes its copy of the lock only; the store belongs to the parent.
void store_leave(const struct store *store);

// Writes the job, or finds it in an existing store; refuses another job and says what differs.
// Checks the tables of an existing store, and the types, ranges and checksum of every row. Call it
// in a store_transaction().
bool store_begin(struct store *store, const struct store_job *job, struct err *err);
bool store_is_new(const struct store *store); // store_begin() has written the job
// Sets err for a file with invalid contents: FILE, the sentence, and what to do; returns false.
bool store_damaged(const struct store *store, struct err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4), nonnull(3)));
// False and err if the file was deleted, moved or replaced while it was open: further writes would
// be lost. Every transaction checks it; also call it before results are exported.
bool store_in_place(const struct store *store, struct err *err);
// Several writes as one atomic transaction.
bool store_transaction(struct store *store, bool (*writes)(void *context, struct err *err),
                       void *context, struct err *err);

// --- Sweeps ---

extern const struct store_table *const store_trial_tables[]; // ends in NULL

// Number of lines, drivers or ADCs that the net needs, and of the broken ones; both 0 if the kind
// was not requested.
struct store_parts {
    int64_t used, broken;
};

struct store_trial {
    int64_t point, trial;
    int64_t images, right;   // right: correct predictions
    int64_t cells, lrs, hrs; // programmed cells, and the stuck ones among them
    struct store_parts word_lines, bit_lines, drivers, adcs;
    double seconds; // kept in a table of its own: the only thing that differs between two runs of
                    // one job
};

// The value of a point on one axis. Written once, with the job.
bool store_add_value(struct store *store, int64_t point, const char *path, const char *value,
                     struct err *err);
// All of them, by point and path. `each` returns false to stop, with its own err set.
bool store_read_values(struct store *store,
                       bool (*each)(void *context, int64_t point, const char *path,
                                    const char *value, struct err *err),
                       void *context, struct err *err);
// One transaction each; committed on return.
bool store_add_trial(struct store *store, const struct store_trial *trial, struct err *err);
// Deletes the trials of a point from `first` on: those after the stopping rule had ended it.
bool store_drop_trials(struct store *store, int64_t point, int64_t first, struct err *err);
// All trials of the job, by point and trial. `each` returns false to stop, with its own err set.
bool store_read_trials(struct store *store,
                       bool (*each)(void *context, const struct store_trial *trial,
                                    struct err *err),
                       void *context, struct err *err);

// --- Training ---

extern const struct store_table *const store_epoch_tables[]; // ends in NULL

struct store_epoch {
    int64_t epoch; // from 1
    double loss, train_accuracy;
    double held_out_accuracy; // -1: no images were held out; NULL in the table
    double rate;
    double seconds;           // in a table of its own, too
    double smallest_accuracy; // of a super-net's smallest; -1: none; NULL in the table
};

// One transaction.
bool store_add_epoch(struct store *store, const struct store_epoch *epoch, struct err *err);
// Deletes the epochs from `first` on: they will be trained again.
bool store_drop_epochs(struct store *store, int64_t first, struct err *err);

// --- Searches ---

extern const struct store_table *const store_episode_tables[]; // ends in NULL
// For jobs that state faults: with clean_accuracy.
extern const struct store_table *const store_clean_episode_tables[];

// One evaluated candidate. References (nets to compare with) have episodes below 0.
struct store_episode {
    int64_t episode;
    const char *widths, *knobs; // "64,80,..." and "adc.bits=6 ..." ("" without)
    bool failed;
    const char *why; // reason of the failure, or ""
    double energy_j, latency_s, area_m2, accuracy, reward, violation;
    int64_t binary_ops;
    const char *chip_hash, *net_hash;
    double seconds; // in a table of its own
    // Only if the tables have it.
    bool has_clean;
    double clean_accuracy;
};

bool store_add_episode(struct store *store, const struct store_episode *episode, struct err *err);
// All episodes of the job, in order, with or without clean_accuracy; strings are valid during the
// call.
bool store_read_episodes(struct store *store, bool clean,
                         bool (*each)(void *context, const struct store_episode *episode,
                                      struct err *err),
                         void *context, struct err *err);
