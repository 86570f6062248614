// Weights to a file. Nothing in it depends on when, where or in which process it is written.
#include "nets/weights.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "nets/safetensors.h"
#include "nets/tensor_names.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/text_stream.h"

enum { CHUNK = 1024, VALUE_BYTES = 4, LENGTH_BYTES = 8, METADATA_BYTES = 4096 };

static void put_little_endian(unsigned char *bytes, uint64_t value, int n)
{
    for (int i = 0; i < n; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
}

// At most CHUNK values as a file holds them. Returns how many bytes.
static size_t encode(unsigned char bytes[CHUNK * VALUE_BYTES], const float *values, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        put_little_endian(bytes + i * VALUE_BYTES, bits, VALUE_BYTES);
    }
    return (size_t)n * VALUE_BYTES;
}

static int64_t chunk_at(int64_t at, int64_t count)
{
    return count - at < CHUNK ? count - at : CHUNK;
}

static void write_values(FILE *out, const float *values, int64_t count)
{
    unsigned char bytes[CHUNK * VALUE_BYTES];
    for (int64_t at = 0; at < count; at += CHUNK) {
        size_t n = encode(bytes, values + at, chunk_at(at, count));
        fwrite(bytes, 1, n, out);
    }
}

static uint64_t hash_values(uint64_t hash, const float *values, int64_t count)
{
    unsigned char bytes[CHUNK * VALUE_BYTES];
    for (int64_t at = 0; at < count; at += CHUNK) {
        size_t n = encode(bytes, values + at, chunk_at(at, count));
        hash = hash_bytes(hash, bytes, n);
    }
    return hash;
}

static void write_entry(struct jsonw *w, const struct tensor_name *slot, int64_t begin)
{
    jsonw_object(w, slot->name);
    jsonw_string(w, "dtype", "F32");
    jsonw_array(w, "shape");
    for (int i = 0; i < slot->rank; i++)
        jsonw_int(w, NULL, slot->shape[i]);
    jsonw_end(w);
    jsonw_array(w, "data_offsets");
    jsonw_int(w, NULL, begin);
    jsonw_int(w, NULL, begin + slot->count * VALUE_BYTES);
    jsonw_end(w);
    jsonw_end(w);
}

// [0] stands for all layers: check_all has compared them.
static void print_header(FILE *text, const struct net *net, const struct weights *weights,
                         const struct tensor_names *slots)
{
    char eps[32], hash[17];
    int64_t begin = 0;
    struct jsonw *w = jsonw_create(text, 0);
    jsonw_object(w, NULL);
    jsonw_object(w, "__metadata__");
    jsonw_string(w, "format", "pt"); // readers of the PyTorch family ask for it
    jsonw_string(w, "net", net->name);
    jsonw_string(w, "form", net_form_names[net->form]);
    jsonw_string(w, "width", net->width);
    jsonw_string(w, "bn_eps", text_double(eps, sizeof eps, weights->layers[0].bn_eps));
    if (weights->split)
        jsonw_string(w, "split", weights->split);
    if (weights->trained_on)
        jsonw_string(w, "data", weights->trained_on);
    snprintf(hash, sizeof hash, "%016" PRIx64, weights_hash(net, weights));
    jsonw_string(w, SAFETENSORS_HASH, hash);
    jsonw_end(w);
    for (size_t i = 0; i < slots->n; i++) {
        if (!tensor_name_values(&weights->layers[slots->items[i].layer], slots->items[i].part))
            continue;
        write_entry(w, &slots->items[i], begin);
        begin += slots->items[i].count * VALUE_BYTES;
    }
    jsonw_end(w);
    jsonw_destroy(w);
}

// The header's length, the header, and blanks so that the values begin at a multiple of 8.
static bool write_header(FILE *out, const char *name, const struct net *net,
                         const struct weights *weights, const struct tensor_names *slots,
                         struct err *err)
{
    size_t n;
    struct text_stream *text = text_stream_create();
    print_header(text_stream_file(text), net, weights, slots);
    char *header = text_stream_finish(text, &n);
    unsigned char length[LENGTH_BYTES];
    n--; // the line's end
    size_t padded = (n + 7) / 8 * 8;
    bool ok = padded <= SAFETENSORS_HEADER;
    if (ok) {
        put_little_endian(length, padded, LENGTH_BYTES);
        fwrite(length, 1, sizeof length, out);
        fwrite(header, 1, n, out);
        fprintf(out, "%*s", (int)(padded - n), "");
    }
    free(header);
    return ok || err_set(err,
                         "%s: its header would have %zu bytes, above the limit of %zu of a weights "
                         "file; use shorter names or fewer layers",
                         name, padded, SAFETENSORS_HEADER);
}

static bool check_all(const char *name, const struct weights *weights,
                      const struct tensor_names *slots, struct err *err)
{
    int64_t room = (int64_t)(SAFETENSORS_BYTES - SAFETENSORS_HEADER - LENGTH_BYTES) / VALUE_BYTES;
    for (size_t i = 0; i < slots->n; i++) {
        const struct tensor_name *slot = &slots->items[i];
        const float *values = tensor_name_values(&weights->layers[slot->layer], slot->part);
        assert(values || slot->optional);
        if (!values)
            continue;
        if (weights->layers[slot->layer].bn_eps != weights->layers[0].bn_eps)
            return err_set(err,
                           "%s: %s: bn_eps is %g, elsewhere %g; a file holds one, use the same in "
                           "all layers",
                           name, slot->name, weights->layers[slot->layer].bn_eps,
                           weights->layers[0].bn_eps);
        if (slot->count > room)
            return err_set(err,
                           "%s: would have more than %zu bytes, the limit of a weights file; use a "
                           "smaller net",
                           name, SAFETENSORS_BYTES);
        room -= slot->count;
        if (!tensor_name_check(slot, values, name, err))
            return false;
    }
    return true;
}

bool weights_writable(const struct net *net, struct err *err)
{
    struct arena *scratch = arena_create();
    struct tensor_names slots;
    int64_t bytes = LENGTH_BYTES;
    size_t n = 0;
    bool ok = tensor_names_create(net, scratch, &slots, err);
    struct text_stream *text = text_stream_create();
    struct jsonw *w = jsonw_create(text_stream_file(text), 0);
    jsonw_object(w, NULL);
    for (size_t i = 0; ok && i < slots.n; i++) {
        write_entry(w, &slots.items[i], bytes);
        bytes += slots.items[i].count * VALUE_BYTES;
    }
    jsonw_end(w);
    jsonw_destroy(w);
    free(text_stream_finish(text, &n));
    n += METADATA_BYTES;
    if (ok && (n > SAFETENSORS_HEADER || (uint64_t)bytes + n > SAFETENSORS_BYTES))
        ok = err_set(err,
                     "net %s: %" PRId64
                     " bytes of values and %zu of names; a weights file holds %zu, "
                     "of these %zu of names; use a smaller net",
                     net->name, bytes, n, SAFETENSORS_BYTES, SAFETENSORS_HEADER);
    arena_destroy(scratch);
    return ok;
}

bool weights_write(FILE *out, const char *name, const struct net *net,
                   const struct weights *weights, struct err *err)
{
    struct arena *scratch = arena_create();
    struct tensor_names slots;
    assert(weights->n == net->n);
    bool ok = tensor_names_create(net, scratch, &slots, err) &&
              check_all(name, weights, &slots, err) &&
              write_header(out, name, net, weights, &slots, err);
    for (size_t i = 0; ok && i < slots.n; i++) {
        const struct tensor_name *slot = &slots.items[i];
        const float *values = tensor_name_values(&weights->layers[slot->layer], slot->part);
        if (values)
            write_values(out, values, slot->count);
    }
    arena_destroy(scratch);
    return ok;
}

bool weights_save(const char *path, const struct net *net, const struct weights *weights,
                  struct err *err)
{
    struct file_out *out = file_create(path, err);
    if (!out)
        return false;
    if (weights_write(file_stream(out), path, net, weights, err))
        return file_commit(out, err);
    file_discard(out);
    return false;
}

uint64_t weights_hash(const struct net *net, const struct weights *weights)
{
    struct arena *scratch = arena_create();
    struct tensor_names slots;
    uint64_t hash = HASH_START;
    tensor_names_create(net, scratch, &slots, NULL); // names do not matter here
    for (size_t i = 0; i < slots.n; i++) {
        const struct tensor_name *slot = &slots.items[i];
        const float *values = tensor_name_values(&weights->layers[slot->layer], slot->part);
        if (values)
            hash = hash_values(hash, values, slot->count);
    }
    arena_destroy(scratch);
    return hash;
}
