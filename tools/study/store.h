// Finished work in a SQLite file, FOLDER/run.db or search.db, so that no kill costs more than what
// was in flight and sqlite3, pandas or DuckDB can read it, while a sweep runs too. One process
// writes; a lock on the folder keeps a second one out. The only user of <sqlite3.h>.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum { STORE_VERSION = 5 }; // in user_version; raised by every change of the tables

struct store_key {
    const char *key, *value;
};

// What is being worked at. The keys are all that the results depend on; the hash is theirs.
struct store_job {
    const char *hash, *name;
    const struct store_key *keys;
    size_t n_keys;
    const struct store_table *const *tables; // store_trial_tables, store_epoch_tables, ...
};

struct store;
struct store_table;

// Opens or makes FOLDER/NAME; the folder exists. Without `resume` a file that is there is
// refused; with it a missing or empty one is begun. Refuses a folder that another process works in,
// and tidies what a killed one has left there.
struct store *store_open(const char *folder, const char *name, bool resume, struct err *err);
// Leaves one file, without a write-ahead log, that can be copied and read on read-only media. False
// and err where the disk is full or fails: the last rows are in NAME-wal, where --resume finds
// them. Another program that reads the file is no failure, but keeps the log, too: `note` says so.
// Both may be NULL. A store of NULL is fine.
bool store_close(struct store *store, struct err *note, struct err *err);
// In a process that was forked: lets go of the lock, and no more; the store is the parent's.
void store_leave(const struct store *store);

// Writes the job, or finds it; refuses another one and says what differs. Of a store that it finds
// it checks the tables, and of every row the types, ranges and checksum. In a store_transaction().
bool store_begin(struct store *store, const struct store_job *job, struct err *err);
bool store_is_new(const struct store *store); // store_begin() has written the job
// Refuses a file whose contents cannot be right: FILE, the sentence, and what to do; false.
bool store_damaged(const struct store *store, struct err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4), nonnull(3)));
// False and err when the file was deleted, moved or replaced while it was open: what is written to
// it would be lost. Every transaction checks it; to be called before results are exported.
bool store_in_place(const struct store *store, struct err *err);
// Several writes as one: all of them are there or none.
bool store_transaction(struct store *store, bool (*writes)(void *context, struct err *err),
                       void *context, struct err *err);

// --- Sweeps ---

extern const struct store_table *const store_trial_tables[]; // ends in NULL

// Lines, drivers or ADCs that the net needs, and those of them that were broken; both 0 where the
// kind was not asked for.
struct store_parts {
    int64_t used, broken;
};

struct store_trial {
    int64_t point, trial;
    int64_t images, right;   // right: classified so
    int64_t cells, lrs, hrs; // programmed, and those of them that were stuck
    struct store_parts word_lines, bit_lines, drivers, adcs;
    double seconds; // kept in a table of its own: the only thing that differs between two runs of
                    // one job
};

// What a point is: its value on one axis. Written once, with the job.
bool store_add_value(struct store *store, int64_t point, const char *path, const char *value,
                     struct err *err);
// All of them, by point and path. `each` returns false to stop, with its own err set.
bool store_read_values(struct store *store,
                       bool (*each)(void *context, int64_t point, const char *path,
                                    const char *value, struct err *err),
                       void *context, struct err *err);
// One transaction each; done when it returns.
bool store_add_trial(struct store *store, const struct store_trial *trial, struct err *err);
// Takes out the trials of a point from `first` on: they came after the rule had ended it.
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
// Takes out the epochs from `first` on: they are to be trained again.
bool store_drop_epochs(struct store *store, int64_t first, struct err *err);

// --- Searches ---

extern const struct store_table *const store_episode_tables[]; // ends in NULL
// Of jobs that state faults: with clean_accuracy.
extern const struct store_table *const store_clean_episode_tables[];

// One candidate, judged. References (nets to compare with) have episodes below 0.
struct store_episode {
    int64_t episode;
    const char *widths, *knobs; // "64,80,..." and "adc.bits=6 ..." ("" without)
    bool failed;
    const char *why; // it failed; "" otherwise
    double energy_j, latency_s, area_m2, accuracy, reward, violation;
    int64_t binary_ops;
    const char *chip_hash, *net_hash;
    double seconds; // in a table of its own
    // Only where the tables have it.
    bool has_clean;
    double clean_accuracy;
};

bool store_add_episode(struct store *store, const struct store_episode *episode, struct err *err);
// All of the job, in order, with clean_accuracy or without; texts are valid during the call.
bool store_read_episodes(struct store *store, bool clean,
                         bool (*each)(void *context, const struct store_episode *episode,
                                      struct err *err),
                         void *context, struct err *err);
