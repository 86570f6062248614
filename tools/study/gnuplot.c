#include "tools/study/gnuplot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "tools/study/child.h"

static const double default_timeout_s = 60;
enum { MOST_BYTES = 1 << 26 };

// gnuplot prints a line that it cannot parse before its message, which begins with the name of the
// script.
static void quote_gnuplot(const struct child_result *r, char *out, size_t size)
{
    size_t from = 0;
    for (size_t i = 0; i < r->said_size; i++)
        if (r->said[i] == '"' && (i == 0 || r->said[i - 1] == '\n')) {
            from = i;
            break;
        }
    child_quote(r->said + from, r->said_size - from, CHILD_FIRST_LINE, out, size);
}

static bool is_whole(const struct child_result *r)
{
    static const char end[] = "</svg>";
    size_t n = r->n, length = sizeof end - 1;
    while (n > 0 && (r->output[n - 1] == '\n' || r->output[n - 1] == ' '))
        n--;
    return n > length && !memcmp(r->output + n - length, end, length);
}

// Reason for a missing plot; false, with an empty `text`, if the plot was made.
static bool has_failed(const struct child_result *r, double timeout_s, char *text, size_t size)
{
    char said[200];
    quote_gnuplot(r, said, sizeof said);
    *text = 0;
    switch (r->end) {
    case CHILD_DONE:
        if (!is_whole(r))
            snprintf(text, size, "gnuplot printed no whole picture%s%s", *said ? ": " : "", said);
        break;
    case CHILD_FAILED:
        if (WIFSIGNALED(r->status))
            snprintf(text, size, "gnuplot was ended by signal %d%s%s", WTERMSIG(r->status),
                     *said ? ": " : "", said);
        else
            snprintf(text, size, "gnuplot failed%s%s", *said ? ": " : "", said);
        break;
    case CHILD_MISSING:
        snprintf(text, size, "gnuplot is not installed (Debian: gnuplot-nox)");
        break;
    case CHILD_NOT_STARTED:
        snprintf(text, size, "gnuplot could not be started: %s", strerror(r->error));
        break;
    case CHILD_LATE:
        snprintf(text, size, "gnuplot did not finish in %g s", timeout_s);
        break;
    case CHILD_TOO_LONG:
        snprintf(text, size, "gnuplot printed more than %d bytes", MOST_BYTES);
        break;
    case CHILD_STOPPED:
        snprintf(text, size, "stopped before it was drawn; all results are written");
        break;
    }
    return *text != 0;
}

static void run_gnuplot(const struct gnuplot_job *job, const char *name, double timeout_s,
                        struct child_result *result)
{
    struct arena *mem = arena_create();
    // -d: ignore the user's own settings.
    char *words[] = {arena_strdup(mem, "gnuplot"), arena_strdup(mem, "-d"),
                     arena_printf(mem, "%s.gp", name), NULL};
    struct child_spec spec = {.words = words,
                              .folder = job->folder,
                              .c_locale = true,
                              .timeout_s = timeout_s,
                              .most = MOST_BYTES,
                              .stop = job->stop};
    child_run(&spec, result);
    arena_destroy(mem);
}

static bool keep(const struct gnuplot_job *job, const char *name, const struct child_result *r,
                 struct err *err)
{
    struct arena *mem = arena_create();
    struct err why = {0};
    struct file_out *out = file_create(arena_printf(mem, "%s/%s.svg", job->folder, name), &why);
    bool ok = out != NULL;
    if (ok) {
        fwrite(r->output, 1, r->n, file_stream(out)); // errors are reported by the commit
        ok = file_commit(out, &why);
    }
    if (!ok)
        err_wrap(err, &why,
                 "%s; all results are written: to draw the picture again use --resume, or, in %s: "
                 "gnuplot -d %s.gp > %s.svg",
                 why.text, job->folder, name, name);
    arena_destroy(mem);
    return ok;
}

// A failure for one plot would repeat for the next one.
static bool is_of_all(enum child_end end)
{
    return end == CHILD_MISSING || end == CHILD_LATE || end == CHILD_STOPPED;
}

bool gnuplot_draw(const struct gnuplot_job *job, bool *drawn, struct err *why, struct err *err)
{
    double timeout_s = job->timeout_s > 0 ? job->timeout_s : default_timeout_s;
    char missing[160] = "", reason[320] = "", failure[320];
    const char *first = NULL;
    bool ok = true, go_on = true;
    size_t used = 0, n = 0;
    for (const char *const *name = job->names; ok && *name; name++) {
        struct child_result result = {0};
        bool failed = true;
        if (go_on) {
            run_gnuplot(job, *name, timeout_s, &result);
            failed = has_failed(&result, timeout_s, failure, sizeof failure);
            ok = failed || keep(job, *name, &result, err);
            free(result.output);
            go_on = !is_of_all(result.end);
        }
        if (failed) {
            if (!first)
                memcpy(reason, failure, sizeof reason);
            first = first ? first : *name;
            n++;
            if (used < sizeof missing)
                used += (size_t)snprintf(missing + used, sizeof missing - used, "%s%s.svg",
                                         used ? ", " : "", *name);
        }
    }
    *drawn = ok && !first;
    const char *example = n > 1 ? "NAME" : first;
    if (first)
        err_fail(why, "no picture%s %s: %s; to draw %s, in %s: gnuplot -d %s.gp > %s.svg",
                 n > 1 ? "s" : "", missing, reason, n > 1 ? "them" : "it", job->folder, example,
                 example);
    return ok;
}
