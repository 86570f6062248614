// A safetensors file: 8 bytes that say how long its JSON header is (little-endian), the header
// {"name": {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {"key": "text"}}, and
// the values, without holes. For the files of this folder only; knows no nets.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct err;

enum { STORED_RANK = 8, STORED_NAME = 200 };
#define SAFETENSORS_BYTES ((size_t)UINT32_MAX)           // of a file
#define SAFETENSORS_HEADER ((size_t)16 << 20)            // bytes of its header
#define SAFETENSORS_ELEMENTS ((int64_t)INT64_C(1) << 31) // of one tensor

// Key of the metadata: the 64-bit FNV-1a of the bytes behind the header, 16 hexadecimal digits.
// Where a file has it, it is checked.
#define SAFETENSORS_HASH "weights_hash"

enum stored_type {
    STORED_F64,
    STORED_F32,
    STORED_F16,
    STORED_BF16,
    STORED_I64,
    STORED_I32,
    STORED_I8,
    STORED_U8,
};

struct stored_tensor {
    const char *name;
    enum stored_type type;
    int rank;
    int64_t shape[STORED_RANK];
    int64_t count;             // elements
    int64_t begin, end;        // bytes from the start of the values
    const unsigned char *data; // the same place in memory, not aligned
};

struct stored_text {
    const char *key, *value;
};

struct safetensors {
    size_t n;
    struct stored_tensor *tensors; // sorted by name
    size_t n_metadata;
    struct stored_text *metadata;
};

// Reads the header of n bytes; the result points into them and into the arena. `path` stands in
// messages. Everything that does not hold together is refused: afterwards every tensor's values are
// where they should be.
bool safetensors_parse(const char *path, const void *bytes, size_t n, struct arena *mem,
                       struct safetensors *out, struct err *err);
// The same of the first `here` bytes of a file of n, which hold its header: the tensors have no
// data, all else is checked.
bool safetensors_parse_header(const char *path, const void *bytes, size_t here, size_t n,
                              struct arena *mem, struct safetensors *out, struct err *err);
// Whether a tensor may be called so. Names end up in messages, on a terminal.
bool safetensors_name(const char *name);
const struct stored_tensor *safetensors_find(const struct safetensors *st, const char *name);
const char *safetensors_metadata(const struct safetensors *st, const char *key); // NULL: none
// All values as float: exact for F32, F16, BF16, I8 and U8, the nearest float for the others;
// infinity where that is out of range.
void safetensors_values(const struct stored_tensor *tensor, float *values);
