// Statements and error handling of SQLite, private to this folder.
#pragma once
#include <sqlite3.h>

#include "tools/study/store.h"

struct store {
    char *path, *folder; // of the file
    char *job;           // hash of the job; NULL before store_begin
    bool is_new;         // store_begin has created the tables
    int lock;            // the folder, open and locked
    sqlite3 *db;
};

// Sets err to the meaning of SQLite's last error and what to do; returns false. A damaged file is
// bad input; a full or failing disk, a lock and a file that cannot be written are failed work.
bool sql_fail(const struct store *s, struct err *err);
// Prepares one statement and binds its values: i an int64_t, d a double, s a text. NULL on failure.
sqlite3_stmt *sql_query(struct store *s, struct err *err, const char *sql, const char *types, ...);
// The same, and runs it.
bool sql_change(struct store *s, struct err *err, const char *sql, const char *types, ...);
// Several statements without values.
bool sql_run(struct store *s, const char *sql, struct err *err);
// The integer in the first column of the first row.
bool sql_number(struct store *s, const char *sql, int64_t *number, struct err *err);
