// What the files of this folder share; nobody else includes it.
#pragma once
#include <sqlite3.h>

#include "tools/store/store.h"

struct store {
    char *path, *folder; // of the file
    char *job;           // hash of the one being worked at; NULL before store_begin
    int lock;            // the folder, open and locked
    sqlite3 *db;
};

// Says what SQLite says of the last failure, and what can be done about it; false.
bool sql_fail(const struct store *s, struct err *err);
// One statement with its values: i an int64_t, d a double, s a text. NULL on failure.
sqlite3_stmt *sql_query(struct store *s, struct err *err, const char *sql, const char *types, ...);
// The same, and runs it.
bool sql_change(struct store *s, struct err *err, const char *sql, const char *types, ...);
