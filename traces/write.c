#include "traces/sink.h"

#include <string.h>

#include "base/err.h"
#include "base/file.h"

static const struct trace_sink *const sinks[] = {&trace_sink_chrome, &trace_sink_csv,
                                                 &trace_sink_paje, NULL};

static const struct trace_sink *find_sink(const char *path)
{
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending && sinks[i]; i++) {
        if (!strcmp(ending, sinks[i]->ending))
            return sinks[i];
    }
    return NULL;
}

bool trace_check_name(const char *path, struct err *err)
{
    return find_sink(path) ||
           err_set(err,
                   "%s: the ending names no trace format; write to a name that ends in .json "
                   "(Chrome trace, for Perfetto), .csv or .paje",
                   path);
}

bool trace_write(const struct trace *trace, const struct trace_head *head, const char *path,
                 struct err *err)
{
    const struct trace_sink *sink = find_sink(path);
    if (!sink)
        return trace_check_name(path, err);
    struct file_out *out = file_create(path, err);
    if (!out)
        return false;
    sink->write(trace, head, file_stream(out));
    return file_commit(out, err);
}
