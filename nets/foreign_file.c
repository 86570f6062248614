#include "nets/foreign_file.h"

#include <stdbool.h>
#include <string.h>

#define SAVE "from safetensors.torch import save_file; save_file("
#define FROM_TORCH                                                                                 \
    "save its tensors as safetensors, in Python: import torch; " SAVE                              \
    "torch.load('FILE', map_location='cpu'), 'w.safetensors') (its state_dict, if the file "       \
    "holds more than tensors)"
#define FROM_NUMPY                                                                                 \
    "save its arrays as safetensors, in Python: from safetensors.numpy import save_file; "         \
    "save_file({NAME: ARRAY, ...}, 'w.safetensors'), with the names that PyTorch gives them"

struct magic {
    size_t at, n; // where the bytes stand, how many they are
    const char *bytes, *what;
};

static const struct magic magics[] = {
    {0, 8, "\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes them; " FROM_NUMPY},
    {0, 6, "\x93NUMPY", "a NumPy array; " FROM_NUMPY},
    {0, 4, "GGUF", "a GGUF file; " FROM_NUMPY},
    {4, 4, "TFL3", "a TensorFlow Lite model; " FROM_NUMPY},
    {0, 2, "\x1f\x8b", "compressed by gzip; unpack it first"},
    {0, 6,
     "\xfd"
     "7zXZ",
     "compressed by xz; unpack it first"},
    {0, 4, "\x28\xb5\x2f\xfd", "compressed by zstd; unpack it first"},
    {0, 24, "version https://git-lfs.",
     "a Git LFS pointer, not the file itself; git lfs pull "
     "fetches it"},
    {0, 9, "<!DOCTYPE", "a web page; download the file itself"},
    {0, 5, "<html", "a web page; download the file itself"},
};

static const char *member(const unsigned char *zip, size_t n, size_t *length)
{
    enum { LENGTH = 26, NAME = 30 }; // of a local file header
    if (n < NAME)
        return NULL;
    *length = (size_t)zip[LENGTH] | (size_t)zip[LENGTH + 1] << 8;
    return *length <= n - NAME ? (const char *)zip + NAME : NULL;
}

static bool ends_in(const char *name, size_t n, const char *end)
{
    size_t m = strlen(end);
    return n >= m && memcmp(name + n - m, end, m) == 0;
}

// The first member tells who wrote a zip archive: torch.save begins with NAME/data.pkl.
static const char *zip_file(const unsigned char *bytes, size_t n)
{
    size_t length = 0;
    const char *name = member(bytes, n, &length);
    if (name && ends_in(name, length, "data.pkl"))
        return "a PyTorch file (torch.save); " FROM_TORCH;
    if (name && ends_in(name, length, ".npy"))
        return "a NumPy archive; " FROM_NUMPY;
    return "a zip archive, as PyTorch, NumPy and Keras write them; if it is PyTorch's, " FROM_TORCH;
}

// ModelProto begins with ir_version, a small number (field 1); then come the producer's name
// (field 2), its version (3), domain (4), model_version (5), the graph (7) or the opsets (8).
static bool is_onnx(const unsigned char *bytes, size_t n)
{
    static const unsigned char next[] = {0x12, 0x1a, 0x22, 0x28, 0x3a, 0x42};
    return n > 2 && bytes[0] == 0x08 && bytes[1] > 0 && bytes[1] < 32 &&
           memchr(next, bytes[2], sizeof next);
}

const char *foreign_file(const void *bytes, size_t n)
{
    enum { LENGTH_BYTES = 8 };
    const unsigned char *start = bytes;
    if (n > LENGTH_BYTES && start[LENGTH_BYTES] == '{') // a safetensors header is a JSON object
        return NULL;
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
        if (n >= magics[i].at + magics[i].n &&
            memcmp(start + magics[i].at, magics[i].bytes, magics[i].n) == 0)
            return magics[i].what;
    if (n > 4 && memcmp(bytes, "PK\x03\x04", 4) == 0)
        return zip_file(bytes, n);
    if (n > 2 && start[0] == 0x80 && start[1] >= 2 && start[1] <= 5) // protocols of pickle
        return "a PyTorch pickle; " FROM_TORCH;
    if (is_onnx(bytes, n))
        return "an ONNX model; " FROM_NUMPY;
    return NULL;
}
