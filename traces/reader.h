// What the readers of the formats share: lines, refusals, the head.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "traces/trace.h"

struct err;
struct sums;

enum { READER_MAX_LINE = 65536 };

struct reader {
    FILE *in;
    const char *name; // of the file
    size_t line;      // number of the line in `text`, from 1
    char *text;       // the line, without its end; room for one byte more in front of it
    size_t n;         // its bytes
    bool ended;       // the line had an end, not just the file
    bool failed;      // reader_fail was called
    struct sums *sums;
    struct err *err;
};

// What a file says of itself; the reader of the format fills it in.
struct reader_head {
    char *version, *chip, *net, *policy, *command, *seed; // free() them
    double end_s, spans;                                  // -1: not there
};

// False at the end of the file, and when a line is too long or unreadable (`failed` is set then).
bool reader_next(struct reader *r);
bool reader_fail(struct reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));       // always false
void reader_set(char **field, const char *text); // copies

// A count or quantity in base units that a trace can hold: refuses negative ones and those so large
// that sums of them could overflow. `what` names it in the message.
bool reader_check(struct reader *r, const char *what, double value);

// Find what a span names, or refuse it.
bool reader_kind(struct reader *r, const char *text, enum span_kind *kind);
bool reader_layer(struct reader *r, const char *text, int *layer);

// Read all lines behind the first, which is in r->text.
bool read_json(struct reader *r, struct reader_head *head);
bool read_csv(struct reader *r, struct reader_head *head);
