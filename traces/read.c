#include "traces/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "traces/sums.h"
#include "traces/trace.h"

static const char *or_unknown(const char *text)
{
    return text ? text : "unknown";
}

static char *head_line(const struct reader_head *head)
{
    struct arena *mem = arena_create();
    const char *text =
        arena_printf(mem, "bitline %s, chip %s, net %s, policy %s, seed %s: %s",
                     or_unknown(head->version), or_unknown(head->chip), or_unknown(head->net),
                     or_unknown(head->policy), or_unknown(head->seed), or_unknown(head->command));
    char *line = NULL;
    reader_set(&line, text);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = ' ';
    arena_destroy(mem);
    return line;
}

static void fini_head(struct reader_head *head)
{
    free(head->version);
    free(head->chip);
    free(head->net);
    free(head->policy);
    free(head->command);
    free(head->seed);
}

static bool read_format(struct reader *r, struct reader_head *head)
{
    if (!reader_next(r)) {
        if (r->failed)
            return false;
        return reader_fail(r, "the file is empty; write a trace with 'bitline run --trace FILE'");
    }
    size_t mark = file_mark(r->text, r->n);
    r->n -= mark;
    memmove(r->text, r->text + mark, r->n + 1);
    if (!strncmp(r->text, "{\"traceEvents\":[", 16))
        return read_json(r, head);
    if (!strncmp(r->text, "# bitline trace", 15) && r->n == 15)
        return read_csv(r, head);
    return reader_fail(r, "begins like no trace that bitline reads; give it a .json or .csv that "
                          "'bitline run --trace FILE' has written");
}

static bool check_whole(struct reader *r, const struct reader_head *head)
{
    if (head->end_s < 0 || head->spans < 0)
        return reader_fail(r, "the file does not say %s; it was edited or cut off",
                           head->end_s < 0 ? "when the run ended (end_s)"
                                           : "how many spans it has");
    if (head->spans != (double)sums_spans(r->sums))
        return reader_fail(r, "the file holds %zu spans but says %.0f; it was edited or cut off",
                           sums_spans(r->sums), head->spans);
    return true;
}

bool trace_read_stream(FILE *in, const char *name, struct trace_summary *out, struct err *err)
{
    char *room = mem_alloc(READER_MAX_LINE + 2, 1);
    struct reader r = {.in = in, .name = name, .text = room + 1, .err = err};
    struct reader_head head = {.end_s = -1, .spans = -1};
    r.sums = sums_create();
    bool ok = read_format(&r, &head) && check_whole(&r, &head);
    if (ok) {
        *out = (struct trace_summary){.head = head_line(&head), .end_s = head.end_s};
        sums_finish(r.sums, out);
    }
    sums_destroy(r.sums);
    fini_head(&head);
    free(room);
    return ok;
}

bool trace_read(const char *path, struct trace_summary *out, struct err *err)
{
    FILE *in = file_open(path, err);
    if (!in)
        return false;
    bool ok = trace_read_stream(in, path, out, err);
    fclose(in);
    return ok;
}
