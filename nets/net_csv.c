// NeuroSim's layer CSV becomes the tree that a YAML file of the same net would be, so that all
// rules and messages are those of net_conf.c; every node remembers its line and column in the CSV.
#include "nets/spec.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/name.h"

enum column { IN_H, IN_W, IN_C, KERNEL_H, KERNEL_W, OUT_C, POOL, STRIDE, COLUMNS };
enum { MAX_BYTES = 1 << 20, KEYS = 8 };

static const char *const column_names[COLUMNS] = {
    "IFM length",   "IFM width",       "IFM channels",  "kernel length",
    "kernel width", "output channels", "pooling (0/1)", "stride",
};

struct row {
    int line;
    int value[COLUMNS], column[COLUMNS]; // column: where the value stands, from 1
};

struct csv {
    const char *path;
    struct conf *conf;
    struct conf_node *layers;
    size_t room; // in layers->children
    int convs, pools, linears;
    int c, h, w; // what the row before hands on, at width 1x
    struct err *err;
};

static bool fail(const struct csv *csv, const struct row *row, enum column column,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
static bool fail(const struct csv *csv, const struct row *row, enum column column,
                 const char *format, ...)
{
    char text[300];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return err_set(csv->err, "%s:%d:%d: %s: %s", csv->path, row->line, row->column[column],
                   column_names[column], text);
}

static struct conf_node *add_node(const struct csv *csv, struct conf_node *parent, const char *key,
                                  enum conf_node_kind kind, const struct row *row, int column)
{
    struct conf_node *node = arena_alloc(csv->conf->mem, 1, sizeof *node);
    *node = (struct conf_node){.kind = kind,
                               .key = key,
                               .text = kind == CONF_SCALAR ? "" : NULL,
                               .origin = csv->path,
                               .line = row->line,
                               .column = column,
                               .parent = parent};
    if (kind != CONF_SCALAR)
        node->children = arena_alloc(csv->conf->mem, KEYS, sizeof(struct conf_node *));
    parent->children[parent->n++] = node;
    return node;
}

static void add_text(const struct csv *csv, struct conf_node *parent, const char *key,
                     const char *text, const struct row *row, int column)
{
    add_node(csv, parent, key, CONF_SCALAR, row, column)->text = arena_strdup(csv->conf->mem, text);
}

static void add_number(const struct csv *csv, struct conf_node *parent, const char *key,
                       const struct row *row, enum column column)
{
    char text[16];
    snprintf(text, sizeof text, "%d", row->value[column]);
    add_text(csv, parent, key, text, row, row->column[column]);
}

static struct conf_node *add_layer(struct csv *csv, const char *kind, int number,
                                   const struct row *row)
{
    struct conf_node *list = csv->layers;
    if (list->n == csv->room) {
        struct conf_node **old = list->children;
        csv->room = csv->room ? 2 * csv->room : 16;
        list->children = arena_alloc(csv->conf->mem, csv->room, sizeof *old);
        if (old)
            memcpy(list->children, old, list->n * sizeof *old);
    }
    struct conf_node *layer = add_node(csv, list, NULL, CONF_MAP, row, 1);
    char name[32];
    snprintf(name, sizeof name, "%s%d", strcmp(kind, "linear") == 0 ? "fc" : kind, number);
    add_text(csv, layer, "name", name, row, 1);
    add_text(csv, layer, "kind", kind, row, 1);
    return layer;
}

static void add_kernel(const struct csv *csv, struct conf_node *layer, const struct row *row,
                       bool pool)
{
    struct conf_node *kernel =
        add_node(csv, layer, "kernel", CONF_SEQ, row, row->column[pool ? POOL : KERNEL_H]);
    if (pool) {
        add_text(csv, kernel, NULL, "2", row, row->column[POOL]);
        return;
    }
    add_number(csv, kernel, NULL, row, KERNEL_H);
    add_number(csv, kernel, NULL, row, KERNEL_W);
}

// A map of one element is a vector: the row is a linear layer, which flattens what comes.
static bool add_linear(struct csv *csv, const struct row *row)
{
    const int *v = row->value;
    int64_t features = (int64_t)csv->c * csv->h * csv->w;
    if (v[IN_C] != features)
        return fail(csv, row, IN_C, "%d, but the row above hands on %d x %d x %d = %lld values",
                    v[IN_C], csv->c, csv->h, csv->w, (long long)features);
    if (v[POOL] || v[STRIDE] != 1)
        return fail(csv, row, v[POOL] ? POOL : STRIDE, "%d of a linear layer (1 x 1 map); write %d",
                    v[v[POOL] ? POOL : STRIDE], v[POOL] ? 0 : 1);
    struct conf_node *layer = add_layer(csv, "linear", ++csv->linears, row);
    add_number(csv, layer, "out", row, OUT_C);
    csv->c = v[OUT_C];
    csv->h = csv->w = 1;
    return true;
}

// kernel - 1 rows or columns of padding.
static int conv_size(int in, int stride)
{
    assert(stride > 0);
    return (in - 1) / stride + 1;
}

// The smaller half above and to the left, whatever the stride.
static void add_pads(const struct csv *csv, struct conf_node *layer, const struct row *row)
{
    const int *v = row->value;
    int pads[] = {(v[KERNEL_H] - 1) / 2, (v[KERNEL_W] - 1) / 2, v[KERNEL_H] / 2, v[KERNEL_W] / 2};
    struct conf_node *list = add_node(csv, layer, "pad", CONF_SEQ, row, row->column[KERNEL_H]);
    for (int i = 0; i < 4; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", pads[i]);
        add_text(csv, list, NULL, text, row, row->column[i % 2 ? KERNEL_W : KERNEL_H]);
    }
}

static bool add_conv(struct csv *csv, const struct row *row)
{
    const int *v = row->value;
    const int before[] = {csv->h, csv->w, csv->c};
    for (int k = 0; k < 3; k++)
        if (v[k] != before[k])
            return fail(csv, row, (enum column)k,
                        "%d, but the row above hands on %d (length) x %d x %d (channels); branches "
                        "need a YAML net",
                        v[k], csv->h, csv->w, csv->c);
    struct conf_node *layer = add_layer(csv, "conv", ++csv->convs, row);
    add_number(csv, layer, "out", row, OUT_C);
    add_kernel(csv, layer, row, false);
    add_number(csv, layer, "stride", row, STRIDE);
    add_pads(csv, layer, row);
    csv->c = v[OUT_C];
    csv->h = conv_size(csv->h, v[STRIDE]);
    csv->w = conv_size(csv->w, v[STRIDE]);
    if (!v[POOL])
        return true;
    if (csv->h < 2 || csv->w < 2)
        return fail(csv, row, POOL, "a 2 x 2 pool on a map of %d x %d; write 0", csv->h, csv->w);
    add_kernel(csv, add_layer(csv, "pool", ++csv->pools, row), row, true);
    csv->h /= 2;
    csv->w /= 2;
    return true;
}

static bool add_row(struct csv *csv, const struct row *row)
{
    const int *v = row->value;
    if (!csv->layers->n) {
        csv->c = v[IN_C];
        csv->h = v[IN_H];
        csv->w = v[IN_W];
    }
    bool vector = v[IN_H] == 1 && v[IN_W] == 1 && v[KERNEL_H] == 1 && v[KERNEL_W] == 1;
    return vector ? add_linear(csv, row) : add_conv(csv, row);
}

static bool read_value(const struct csv *csv, struct row *row, enum column k, const char *text,
                       size_t n)
{
    static const int least[COLUMNS] = {1, 1, 1, 1, 1, 1, 0, 1};
    static const int most[COLUMNS] = {MAX_MAP,      MAX_MAP, MAX_FEATURES, MAX_MAP, MAX_MAP,
                                      MAX_CHANNELS, 1,       MAX_MAP};
    char digits[16] = "";
    if (n && n < sizeof digits && strspn(text, "0123456789") >= n)
        memcpy(digits, text, n);
    long value = strtol(digits, NULL, 10);
    if (!*digits || value < least[k] || value > most[k])
        return fail(csv, row, k, "'%.*s' is not a whole number from %d to %d",
                    (int)(n < 40 ? n : 40), text, least[k], most[k]);
    row->value[k] = (int)value;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

// Splits one line, without its end, into the row's values.
static bool read_row(const struct csv *csv, const char *line, size_t n, struct row *row)
{
    size_t at = 0;
    for (int k = 0; k < COLUMNS; k++) {
        size_t end = at;
        while (end < n && line[end] != ',')
            end++;
        size_t first = at, last = end;
        while (first < last && is_blank(line[first]))
            first++;
        while (last > first && is_blank(line[last - 1]))
            last--;
        row->column[k] = (int)first + 1;
        if (!read_value(csv, row, (enum column)k, line + first, last - first))
            return false;
        bool more = end < n;
        if (more != (k + 1 < COLUMNS))
            return err_set(csv->err,
                           "%s:%d:%d: %s 8 columns; a row is IFM length, width, channels, "
                           "kernel length, width, output channels, pooling 0/1, stride",
                           csv->path, row->line, (int)end + 1, more ? "more than" : "fewer than");
        at = end + 1;
    }
    return true;
}

static bool read_rows(struct csv *csv, const char *text, size_t n, struct row *first,
                      struct row *last)
{
    int line = 0;
    for (size_t at = file_mark(text, n); at < n;) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t length = end ? (size_t)(end - (text + at)) : n - at;
        line++;
        if (strspn(text + at, " \t\r") < length) {
            *last = (struct row){.line = line};
            if (!read_row(csv, text + at, length, last) || !add_row(csv, last))
                return false;
            if (!first->line)
                *first = *last;
        }
        at += length + 1;
    }
    if (first->line)
        return true;
    return err_set(csv->err,
                   "%s: no row in it; a row is IFM length, width, channels, kernel length, "
                   "width, output channels, pooling 0/1, stride",
                   csv->path);
}

// The part of the path between the last '/' and the last '.'.
static const char *net_name(struct arena *mem, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *start = slash ? slash + 1 : path;
    const char *dot = strrchr(start, '.');
    size_t n = dot && dot > start ? (size_t)(dot - start) : strlen(start);
    return name_from(mem, arena_strndup(mem, start, n));
}

static void add_root(const struct csv *csv, const struct row *first, const struct row *last)
{
    struct conf_node *root = csv->conf->root;
    root->n = 0;
    root->children = arena_alloc(csv->conf->mem, KEYS, sizeof(struct conf_node *));
    add_text(csv, root, "name", net_name(csv->conf->mem, csv->path), first, 1);
    struct conf_node *input = add_node(csv, root, "input", CONF_MAP, first, 1);
    add_number(csv, input, "channels", first, IN_C);
    add_number(csv, input, "height", first, IN_H);
    add_number(csv, input, "width", first, IN_W);
    add_number(csv, root, "classes", last, OUT_C);
    root->children[root->n++] = csv->layers;
}

bool net_parse_csv(const char *name, const char *text, size_t n, const struct net_options *options,
                   struct net **out, struct err *err)
{
    static const char frame[] = "layers: []\n";
    bool ok = false;
    struct row first = {0}, last = {0};
    struct csv csv = {.path = name, .err = err};
    csv.conf = conf_parse(name, frame, sizeof frame - 1, err);
    if (!csv.conf)
        goto out;
    csv.layers = csv.conf->root->children[0];
    csv.layers->children = NULL;
    if (!read_rows(&csv, text, n, &first, &last))
        goto out;
    add_root(&csv, &first, &last);
    ok = net_load(csv.conf, options, out, err);
out:
    conf_close(csv.conf);
    return ok;
}

bool net_load_csv(const char *path, const struct net_options *options, struct net **out,
                  struct err *err)
{
    size_t n;
    char *text = file_read(path, MAX_BYTES, &n, err);
    bool ok = text && net_parse_csv(path, text, n, options, out, err);
    free(text);
    return ok;
}
