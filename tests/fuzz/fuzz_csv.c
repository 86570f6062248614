// Any bytes as NeuroSim's layer CSV: a message, or a net.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "base/err.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = mem_alloc(n + 1, 1); // the reader wants a 0 behind the bytes
    if (n)
        memcpy(text, data, n);
    for (int form = 0; form < FORM_COUNT; form++) {
        struct err err = {0};
        struct net *net = NULL;
        struct net_options options = {.has_form = true, .form = (enum net_form)form};
        if (!net_parse_csv("fuzz.csv", text, n, &options, &net, &err) && !err.text[0])
            abort(); // refused without a word
        net_destroy(net);
    }
    free(text);
    return 0;
}
