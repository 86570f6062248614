// Tables as lists of columns with their ranges: one description creates a table, writes its rows,
// and checks every row that is read. Private to this folder.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct store;

enum store_type {
    STORE_INT,
    STORE_REAL, // finite
    STORE_TEXT,
    STORE_HASH, // a text of 16 hexadecimal digits
};

struct store_column {
    const char *name;
    enum store_type type;
    bool may_be_null;
    double min, max; // of numbers, both included
};

enum { STORE_MOST_COLUMNS = 20, STORE_TIME_SIZE = 24 };
// Maximum of counts: sums over the largest number of trials of a job stay below 2^63.
#define STORE_MAX_COUNT 1e12

// A table has the job's hash before its columns and a checksum after them. The
// checksum is the 64-bit FNV-1a of the table's name, the job's hash and the row's values.
struct store_table {
    const char *name;
    const struct store_column *columns;
    size_t n;
    size_t n_keys; // the first columns; unique together with the job's hash
    bool replaces; // a new row replaces one with the same keys
};

struct store_value {
    bool is_null;
    int64_t integer; // the member that the column's type selects
    double real;
    const char *text;
};

// The UTC time in the format of SQLite's datetime('now'); returns text.
const char *sql_now(char text[STORE_TIME_SIZE]);

bool sql_table_create(struct store *store, const struct store_table *table, struct err *err);
// Whether sqlite_schema holds the table as sql_table_create() makes it; err says how it differs.
bool sql_table_check_schema(struct store *store, const struct store_table *table, struct err *err);
// Writes a row of table->n values, each in its range.
bool sql_table_add(struct store *store, const struct store_table *table,
                   const struct store_value *values, struct err *err);
// Reads all rows, ordered by their keys; refuses a row with a wrong job, type, range or checksum
// and names it. `each` may be NULL; it returns false to stop, with its own err set; strings are
// valid during the call.
bool sql_table_read(struct store *store, const struct store_table *table,
                    bool (*each)(void *context, const struct store_value *values, struct err *err),
                    void *context, struct err *err);
