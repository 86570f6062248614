// Files of weights in another format than safetensors, recognised by their first bytes.
#pragma once
#include <stddef.h>

// What the file is and how to get a safetensors file out of it, as "a PyTorch file (...); save it
// as ..."; NULL if it begins like none of the known formats. A safetensors file is never taken for
// another, whatever the length of its header.
const char *foreign_file(const void *bytes, size_t n);
