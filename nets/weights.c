// Weights from a file: every tensor of the net is looked up by its names, then every tensor of the
// file must have been used, then the values are read.
#include "nets/weights.h"

#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "nets/safetensors.h"
#include "nets/tensor_names.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/mem_limit.h"
#include "base/units.h"

enum { SHAPE_ROOM = 21 * STORED_RANK + 3 };

void weights_destroy(struct weights *weights)
{
    if (weights)
        arena_destroy(weights->mem); // the weights themselves lie there
}

// Room for all slots, of optional ones for those that `has` names; NULL: none.
static struct weights *create(const struct net *net, const struct tensor_names *slots,
                              double bn_eps, bool (*has)(const void *context, size_t slot),
                              const void *context)
{
    struct arena *mem = arena_create();
    struct weights *weights = arena_alloc(mem, 1, sizeof *weights);
    *weights = (struct weights){.n = net->n, .mem = mem};
    weights->layers = arena_alloc(mem, net->n, sizeof *weights->layers);
    for (size_t i = 0; i < net->n; i++)
        weights->layers[i].bn_eps = bn_eps;
    for (size_t i = 0; i < slots->n; i++) {
        const struct tensor_name *slot = &slots->items[i];
        if (slot->optional && (!has || !has(context, i)))
            continue;
        float **place = tensor_name_place(&weights->layers[slot->layer], slot->part);
        *place = arena_alloc(mem, (size_t)slot->count, sizeof **place);
    }
    return weights;
}

struct weights *weights_create(const struct net *net)
{
    struct arena *scratch = arena_create();
    struct tensor_names slots;
    tensor_names_create(net, scratch, &slots, NULL); // names do not matter here
    struct weights *weights = create(net, &slots, BN_EPS, NULL, NULL);
    for (size_t i = 0; i < slots.n; i++) {
        const struct tensor_name *slot = &slots.items[i];
        float *values = *tensor_name_place(&weights->layers[slot->layer], slot->part);
        for (int64_t k = 0; values && k < slot->count; k++)
            values[k] = slot->part == PART_GAMMA || slot->part == PART_VAR ? 1.0f : 0.0f;
    }
    arena_destroy(scratch);
    return weights;
}

static const char *keep_text(const struct weights *weights, const char *text)
{
    return text ? arena_strdup(weights->mem, text) : NULL;
}

struct source {
    const struct tensor_names *slots;
    const struct weights *weights;
};

static bool source_has(const void *context, size_t slot)
{
    const struct source *from = context;
    const struct tensor_name *s = &from->slots->items[slot];
    return tensor_name_values(&from->weights->layers[s->layer], s->part) != NULL;
}

struct weights *weights_copy(const struct net *net, const struct weights *weights)
{
    struct arena *scratch = arena_create();
    struct tensor_names slots;
    tensor_names_create(net, scratch, &slots, NULL);
    const struct source source = {&slots, weights};
    struct weights *copy = create(net, &slots, BN_EPS, source_has, &source);
    copy->split = keep_text(copy, weights->split);
    copy->trained_on = keep_text(copy, weights->trained_on);
    copy->form = keep_text(copy, weights->form);
    for (size_t i = 0; i < net->n; i++)
        copy->layers[i].bn_eps = weights->layers[i].bn_eps;
    for (size_t i = 0; i < slots.n; i++) {
        const struct tensor_name *slot = &slots.items[i];
        float *to = *tensor_name_place(&copy->layers[slot->layer], slot->part);
        const float *from = *tensor_name_place(&weights->layers[slot->layer], slot->part);
        if (from)
            memcpy(to, from, (size_t)slot->count * sizeof *to);
    }
    arena_destroy(scratch);
    return copy;
}

// "[16, 3, 3, 3]"
static void print_shape(char text[SHAPE_ROOM], int rank, const int64_t *shape)
{
    size_t used = 0;
    text[used++] = '[';
    for (int i = 0; i < rank; i++)
        used += (size_t)snprintf(text + used, SHAPE_ROOM - used, "%s%lld", i ? ", " : "",
                                 (long long)shape[i]);
    memcpy(text + used, "]", 2);
}

// One scale, or one for every output channel, however many sizes of 1 stand around: what broadcasts
// over the weights.
static bool fits_scale(const struct tensor_name *slot, const struct stored_tensor *tensor)
{
    return tensor->count == 1 || (tensor->count == slot->count && tensor->shape[0] == slot->count);
}

static bool fits(const struct tensor_name *slot, const struct stored_tensor *tensor)
{
    if (slot->part == PART_SCALE)
        return fits_scale(slot, tensor);
    bool same = slot->rank == tensor->rank;
    for (int i = 0; same && i < slot->rank; i++)
        same = slot->shape[i] == tensor->shape[i];
    return same;
}

// A name of the file; all may stand behind "module.", PyTorch's word for a net on several devices.
static const struct stored_tensor *look_up(const struct match *m, const char *prefix,
                                           const char *name)
{
    return safetensors_find(m->file, *prefix ? arena_printf(m->mem, "%s%s", prefix, name) : name);
}

static const char *common_prefix(const struct safetensors *file)
{
    static const char prefix[] = "module.";
    for (size_t i = 0; i < file->n; i++)
        if (strncmp(file->tensors[i].name, prefix, sizeof prefix - 1) != 0)
            return "";
    return prefix;
}

// First the names of weights_save, so that no alias takes what is another's own.
static void find_all(struct match *m)
{
    const char *prefix = common_prefix(m->file);
    for (size_t i = 0; i < m->slots.n; i++) {
        m->found[i] = look_up(m, prefix, m->slots.items[i].name);
        if (m->found[i])
            m->used[m->found[i] - m->file->tensors] = true;
    }
    for (size_t i = 0; i < m->slots.n; i++) {
        const char *aliases[TENSOR_ALIASES];
        int n = m->found[i] ? 0 : tensor_name_aliases(m->net, &m->slots.items[i], m->mem, aliases);
        for (int k = 0; k < n && !m->found[i]; k++) {
            const struct stored_tensor *tensor = look_up(m, prefix, aliases[k]);
            if (!tensor || m->used[tensor - m->file->tensors])
                continue;
            m->found[i] = tensor;
            m->used[tensor - m->file->tensors] = true;
        }
    }
}

static bool check_shapes(const struct match *m, struct err *err)
{
    for (size_t i = 0; i < m->slots.n; i++) {
        const struct tensor_name *slot = &m->slots.items[i];
        const struct stored_tensor *tensor = m->found[i];
        char has[SHAPE_ROOM], wants[SHAPE_ROOM];
        if (!tensor || fits(slot, tensor))
            continue;
        print_shape(has, tensor->rank, tensor->shape);
        print_shape(wants, slot->rank, slot->shape);
        return err_set(err, "%s: %s: has the shape %s, %.60s (%s, %.60s) wants %s%s", m->path,
                       tensor->name, has, m->net->name, net_form_names[m->net->form], m->net->width,
                       wants, match_advice(m));
    }
    return true;
}

static bool is_counter(const char *name)
{
    static const char counter[] = "num_batches_tracked";
    const char *dot = strrchr(name, '.');
    return strcmp(dot ? dot + 1 : name, counter) == 0;
}

// The first tensor of the file that the net has no place for; NULL: none.
static const struct stored_tensor *unused(const struct match *m, size_t *n)
{
    const struct stored_tensor *first = NULL;
    *n = 0;
    for (size_t i = 0; i < m->file->n; i++) {
        const struct stored_tensor *tensor = &m->file->tensors[i];
        if (m->used[i] || is_counter(tensor->name))
            continue;
        first = first ? first : tensor;
        ++*n;
    }
    return first;
}

static bool check_missing(const struct match *m, struct err *err)
{
    size_t missing = 0, extra;
    const char *first = NULL;
    for (size_t i = 0; i < m->slots.n; i++)
        if (!m->found[i] && !m->slots.items[i].optional) {
            first = first ? first : m->slots.items[i].name;
            missing++;
        }
    if (!missing)
        return true;
    const struct stored_tensor *other = unused(m, &extra);
    const char *more = missing > 1 ? arena_printf(m->mem, " (and %zu more)", missing - 1) : "";
    const char *instead =
        other ? arena_printf(m->mem, ", but '%.200s', which the net does not know", other->name)
              : "";
    return err_set(err,
                   "%s: has no tensor '%.200s'%s for %.60s (%s)%s; choose the net and form that "
                   "the file was made for, or rename its tensors",
                   m->path, first, more, m->net->name, net_form_names[m->net->form], instead);
}

static bool check_extra(const struct match *m, struct err *err)
{
    size_t n;
    const struct stored_tensor *tensor = unused(m, &n);
    if (!tensor)
        return true;
    const char *more = n > 1 ? arena_printf(m->mem, " (and %zu more)", n - 1) : "";
    return err_set(err,
                   "%s: %.60s (%s) has no tensor '%.200s'%s; choose the net and form that the file "
                   "was made for, or take it out of the file",
                   m->path, m->net->name, net_form_names[m->net->form], tensor->name, more);
}

static bool read_eps(const struct match *m, double *eps, struct err *err)
{
    const char *text = safetensors_metadata(m->file, "bn_eps");
    *eps = BN_EPS;
    if (!text || (units_parse(text, "", eps, NULL) && *eps > 0 && *eps <= 1))
        return true;
    return err_set(err, "%s: bn_eps in its metadata is '%.40s'; write a number above 0, up to 1",
                   m->path, text);
}

static bool match_has(const void *context, size_t slot)
{
    const struct match *m = context;
    return m->found[slot] != NULL;
}

static bool read_values(const struct match *m, struct weights **out, struct err *err)
{
    double eps;
    if (!read_eps(m, &eps, err))
        return false;
    struct weights *weights = create(m->net, &m->slots, eps, match_has, m);
    weights->split = keep_text(weights, safetensors_metadata(m->file, "split"));
    weights->trained_on = keep_text(weights, safetensors_metadata(m->file, "data"));
    weights->form = keep_text(weights, safetensors_metadata(m->file, "form"));
    for (size_t i = 0; i < m->slots.n; i++) {
        const struct tensor_name *slot = &m->slots.items[i];
        float *values = *tensor_name_place(&weights->layers[slot->layer], slot->part);
        if (!values)
            continue;
        safetensors_values(m->found[i], values);
        for (int64_t k = m->found[i]->count; k < slot->count; k++)
            values[k] = values[0];
        if (!tensor_name_check(slot, values, m->path, err)) {
            weights_destroy(weights);
            return false;
        }
    }
    *out = weights;
    return true;
}

// Whether a file of n bytes, whose first `here` are at `bytes`, has all tensors of the net and no
// others.
static bool match_file(struct match *m, const void *bytes, size_t here, size_t n,
                       struct safetensors *file, struct err *err)
{
    if (!safetensors_parse_header(m->path, bytes, here, n, m->mem, file, err) ||
        !tensor_names_create(m->net, m->mem, &m->slots, err))
        return false;
    m->file = file;
    m->found = arena_alloc(m->mem, m->slots.n, sizeof *m->found);
    m->used = arena_alloc(m->mem, file->n, sizeof *m->used);
    find_all(m);
    return check_shapes(m, err) && check_missing(m, err) && check_extra(m, err);
}

bool weights_parse(const char *name, const void *bytes, size_t n, const struct net *net,
                   struct weights **out, struct err *err)
{
    struct safetensors file;
    struct arena *scratch = arena_create();
    struct match m = {.path = name, .net = net, .mem = scratch};
    bool ok = match_file(&m, bytes, n, n, &file, err) && read_values(&m, out, err);
    arena_destroy(scratch);
    return ok;
}

// Whether the header of a file is one of this net's; the values, gigabytes maybe, are not read.
static bool check_header(const char *path, const struct net *net, struct err *err)
{
    size_t here;
    uint64_t size;
    struct safetensors file;
    char *bytes =
        file_read_start(path, SAFETENSORS_BYTES, 8 + SAFETENSORS_HEADER, &here, &size, err);
    struct arena *scratch = arena_create();
    struct match m = {.path = path, .net = net, .mem = scratch};
    bool ok = bytes && match_file(&m, bytes, here, (size_t)size, &file, err) &&
              mem_fits((double)size, path, "use a smaller net", err);
    arena_destroy(scratch);
    free(bytes);
    return ok;
}

bool weights_load(const char *path, const struct net *net, struct weights **out, struct err *err)
{
    size_t n;
    if (!check_header(path, net, err))
        return false;
    char *bytes = file_read(path, SAFETENSORS_BYTES, &n, err);
    bool ok = bytes && weights_parse(path, bytes, n, net, out, err);
    free(bytes);
    return ok;
}
