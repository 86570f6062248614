#include "nets/safetensors.h"

#include <float.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/foreign_file.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

enum { LENGTH_BYTES = 8 };

static const struct {
    const char *name;
    int bytes;
} types[] = {
    [STORED_F64] = {"F64", 8},   [STORED_F32] = {"F32", 4}, [STORED_F16] = {"F16", 2},
    [STORED_BF16] = {"BF16", 2}, [STORED_I64] = {"I64", 8}, [STORED_I32] = {"I32", 4},
    [STORED_I8] = {"I8", 1},     [STORED_U8] = {"U8", 1},
};

struct reader {
    const char *path;
    const unsigned char *data; // behind the header
    int64_t n_data;
    struct arena *mem;
    struct safetensors *st;
    struct err *err;
};

static uint64_t little_endian(const unsigned char *bytes, int n)
{
    uint64_t value = 0;
    for (int i = 0; i < n; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

static bool read_type(const struct reader *r, const json_t *entry, struct stored_tensor *t)
{
    const json_t *type = json_object_get(entry, "dtype");
    if (!json_is_string(type))
        return err_set(r->err, "%s: %s: its dtype is missing or no string; write the file again",
                       r->path, t->name);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(json_string_value(type), types[i].name) == 0) {
            t->type = (enum stored_type)i;
            return true;
        }
    return err_set(r->err,
                   "%s: %s: dtype '%.20s' cannot be read; store it as F32 (F64, F16, BF16, I64, "
                   "I32, I8 and U8 can be read too)",
                   r->path, t->name, json_string_value(type));
}

static bool read_shape(const struct reader *r, const json_t *entry, struct stored_tensor *t)
{
    const json_t *shape = json_object_get(entry, "shape");
    if (!json_is_array(shape) || json_array_size(shape) > STORED_RANK)
        return err_set(r->err,
                       "%s: %s: its shape is no list of at most %d sizes; write the file "
                       "again",
                       r->path, t->name, STORED_RANK);
    t->count = 1;
    t->rank = (int)json_array_size(shape);
    for (int i = 0; i < t->rank; i++) {
        const json_t *size = json_array_get(shape, (size_t)i);
        t->shape[i] = json_is_integer(size) ? json_integer_value(size) : -1;
        if (t->shape[i] < 0)
            return err_set(r->err,
                           "%s: %s: size %d of its shape is no integer from 0; write the file "
                           "again",
                           r->path, t->name, i + 1);
        if (t->shape[i] && t->count > SAFETENSORS_ELEMENTS / t->shape[i])
            return err_set(r->err,
                           "%s: %s: its shape has more than %lld elements; check that it is the "
                           "right file",
                           r->path, t->name, (long long)SAFETENSORS_ELEMENTS);
        t->count *= t->shape[i];
    }
    return true;
}

static bool read_offsets(const struct reader *r, const json_t *entry, struct stored_tensor *t)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return err_set(r->err,
                       "%s: %s: its data_offsets are not two integers; write the file again",
                       r->path, t->name);
    t->begin = json_integer_value(begin);
    t->end = json_integer_value(end);
    if (t->begin < 0 || t->end < t->begin)
        return err_set(r->err,
                       "%s: %s: its data_offsets run from %lld to %lld; write the file again",
                       r->path, t->name, (long long)t->begin, (long long)t->end);
    if (t->end - t->begin != t->count * types[t->type].bytes)
        return err_set(r->err,
                       "%s: %s: has %lld bytes, its shape and dtype %s need %lld; write the file "
                       "again",
                       r->path, t->name, (long long)(t->end - t->begin), types[t->type].name,
                       (long long)(t->count * types[t->type].bytes));
    return true;
}

bool safetensors_name(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 127)
            return false;
    return n > 0 && n <= STORED_NAME;
}

static bool read_tensor(const struct reader *r, const char *name, const json_t *entry)
{
    struct stored_tensor *t = &r->st->tensors[r->st->n];
    if (!safetensors_name(name))
        return err_set(r->err,
                       "%s: tensor %zu has no proper name; name it with 1 to %d bytes, without "
                       "control characters",
                       r->path, r->st->n + 1, STORED_NAME);
    t->name = arena_strdup(r->mem, name);
    if (!json_is_object(entry))
        return err_set(r->err,
                       "%s: %s: is no object with dtype, shape and data_offsets; write the file "
                       "again",
                       r->path, t->name);
    if (!read_type(r, entry, t) || !read_shape(r, entry, t) || !read_offsets(r, entry, t))
        return false;
    r->st->n++;
    return true;
}

static bool read_metadata(const struct reader *r, json_t *object)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return err_set(r->err, "%s: __metadata__ is no object; write the file again", r->path);
    r->st->metadata = arena_alloc(r->mem, json_object_size(object), sizeof *r->st->metadata);
    json_object_foreach(object, key, value)
    {
        if (!json_is_string(value))
            return err_set(r->err,
                           "%s: __metadata__ holds something else than texts; write the file again",
                           r->path);
        r->st->metadata[r->st->n_metadata++] = (struct stored_text){
            .key = arena_strdup(r->mem, key),
            .value = arena_strdup(r->mem, json_string_value(value)),
        };
    }
    return true;
}

static bool read_header(const struct reader *r, json_t *header)
{
    const char *key;
    json_t *value;
    r->st->tensors = arena_alloc(r->mem, json_object_size(header), sizeof *r->st->tensors);
    json_object_foreach(header, key, value)
    {
        bool ok =
            strcmp(key, "__metadata__") == 0 ? read_metadata(r, value) : read_tensor(r, key, value);
        if (!ok)
            return false;
    }
    return true;
}

static int by_place(const void *a, const void *b)
{
    const struct stored_tensor *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static int by_name(const void *a, const void *b)
{
    const struct stored_tensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

// Every byte behind the header belongs to one tensor.
static bool place_tensors(const struct reader *r)
{
    struct stored_tensor *tensors = r->st->tensors;
    int64_t at = 0;
    if (r->st->n)
        qsort(tensors, r->st->n, sizeof *tensors, by_place);
    for (size_t i = 0; i < r->st->n; i++) {
        struct stored_tensor *t = &tensors[i];
        if (t->end > r->n_data)
            return err_set(r->err,
                           "%s: %s: its values end at byte %lld, but only %lld are there: the file "
                           "was cut off; copy it again",
                           r->path, t->name, (long long)t->end, (long long)r->n_data);
        if (t->begin != at)
            return err_set(r->err,
                           "%s: %s: its values begin at byte %lld, those before it end at %lld: "
                           "they %s; write the file again",
                           r->path, t->name, (long long)t->begin, (long long)at,
                           t->begin < at ? "overlap" : "leave a hole");
        t->data = r->data ? r->data + t->begin : NULL;
        at = t->end;
    }
    if (at != r->n_data)
        return err_set(r->err,
                       "%s: %lld bytes behind the last tensor; the file is damaged, copy it again",
                       r->path, (long long)(r->n_data - at));
    if (r->st->n)
        qsort(tensors, r->st->n, sizeof *tensors, by_name);
    return true;
}

static bool check_hash(const struct reader *r)
{
    char hash[17];
    const char *stored = safetensors_metadata(r->st, SAFETENSORS_HASH);
    if (!stored)
        return true;
    snprintf(hash, sizeof hash, "%016" PRIx64, hash_bytes(HASH_START, r->data, (size_t)r->n_data));
    return strcmp(stored, hash) == 0 ||
           err_set(r->err,
                   "%s: its values do not fit the " SAFETENSORS_HASH
                   " of its metadata: the file is damaged, or another program has changed it; copy "
                   "it again, or write it without that key",
                   r->path);
}

static json_t *parse_header(const char *path, const char *text, size_t n, struct err *err)
{
    json_error_t error;
    json_set_alloc_funcs(mem_bytes, free);
    json_t *header = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    if (!header)
        err_set(err, "%s: its header is no JSON: %s; write the file again", path, error.text);
    else if (!json_is_object(header))
        err_set(err, "%s: its header is no JSON object; check that it is a safetensors file", path);
    if (json_is_object(header))
        return header;
    json_decref(header);
    return NULL;
}

bool safetensors_parse(const char *path, const void *bytes, size_t n, struct arena *mem,
                       struct safetensors *out, struct err *err)
{
    return safetensors_parse_header(path, bytes, n, n, mem, out, err);
}

bool safetensors_parse_header(const char *path, const void *bytes, size_t here, size_t n,
                              struct arena *mem, struct safetensors *out, struct err *err)
{
    const unsigned char *start = bytes;
    const char *foreign = foreign_file(bytes, here);
    if (foreign)
        return err_set(err, "%s: is %s", path, foreign);
    if (here < LENGTH_BYTES)
        return err_set(err, "%s: has %zu bytes, a safetensors file has at least %d; copy it again",
                       path, n, LENGTH_BYTES + 2);
    uint64_t length = little_endian(start, LENGTH_BYTES);
    if (length > SAFETENSORS_HEADER)
        return err_set(err,
                       "%s: its header would have %llu bytes, above the limit of %zu; check that "
                       "it is a safetensors file",
                       path, (unsigned long long)length, SAFETENSORS_HEADER);
    if (length > here - LENGTH_BYTES)
        return err_set(err,
                       "%s: its header has %llu bytes, but only %zu are there: the file was cut "
                       "off; copy it again",
                       path, (unsigned long long)length, here - LENGTH_BYTES);
    *out = (struct safetensors){0};
    start += LENGTH_BYTES;
    json_t *header = parse_header(path, (const char *)start, (size_t)length, err);
    if (!header)
        return false;
    struct reader r = {.path = path, .mem = mem, .st = out, .err = err};
    r.data = here == n ? start + length : NULL;
    r.n_data = (int64_t)(n - LENGTH_BYTES - length);
    bool ok = read_header(&r, header) && place_tensors(&r) && check_hash(&r);
    json_decref(header);
    return ok;
}

const struct stored_tensor *safetensors_find(const struct safetensors *st, const char *name)
{
    const struct stored_tensor key = {.name = name};
    return st->n ? bsearch(&key, st->tensors, st->n, sizeof key, by_name) : NULL;
}

const char *safetensors_metadata(const struct safetensors *st, const char *key)
{
    for (size_t i = 0; i < st->n_metadata; i++)
        if (strcmp(st->metadata[i].key, key) == 0)
            return st->metadata[i].value;
    return NULL;
}

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float float_of_half(uint32_t half)
{
    uint32_t sign = (half & 0x8000u) << 16, exponent = half >> 10 & 0x1fu, mantissa = half & 0x3ffu;
    if (exponent == 0) { // zero and subnormal: mantissa * 2^-24
        float value = (float)mantissa * 0x1p-24f;
        return sign ? -value : value;
    }
    uint32_t biased = exponent == 0x1fu ? 0xffu : exponent + (127 - 15);
    return float_of_bits(sign | biased << 23 | mantissa << 13);
}

static float float_of_double_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    if (fabs(value) > (double)FLT_MAX)
        return value > 0 ? INFINITY : -INFINITY;
    return (float)value;
}

static float decode(enum stored_type type, uint64_t bits)
{
    switch (type) {
    case STORED_F64:
        return float_of_double_bits(bits);
    case STORED_F32:
        return float_of_bits((uint32_t)bits);
    case STORED_F16:
        return float_of_half((uint32_t)bits);
    case STORED_BF16:
        return float_of_bits((uint32_t)bits << 16);
    case STORED_I64:
        return (float)(int64_t)bits;
    case STORED_I32:
        return (float)(int32_t)(uint32_t)bits;
    case STORED_I8:
        return (float)(int8_t)(uint8_t)bits;
    case STORED_U8:
        break;
    }
    return (float)bits;
}

void safetensors_values(const struct stored_tensor *tensor, float *values)
{
    int bytes = types[tensor->type].bytes;
    for (int64_t i = 0; i < tensor->count; i++)
        values[i] = decode(tensor->type, little_endian(tensor->data + i * bytes, bytes));
}
