#include "tests/support/layer_nets.h"

#define HEAD                                                                                       \
    "name: t\ninput: {channels: 3, height: 8, width: 8, bits: 8}\nclasses: 10\n"                   \
    "default_form: int8\nlayers:\n  - {name: a, kind: conv, out: 6, kernel: 3, pad: 1}\n"
#define TAIL "  - {name: head, kind: head}\n  - {name: fc, kind: linear, out: 10}\n"

const struct layer_net layer_nets[] = {
    {"the MLP of a transformer block",
     HEAD "  - {name: mlp.fc1, kind: linear, tokens: true, out: 9}\n"
          "  - {name: mlp.fc2, kind: linear, tokens: true, out: 6, scale: false}\n"
          "  - {name: mlp.add, kind: add, shortcut: a, relu: false}\n" TAIL},
    {"average pools",
     HEAD "  - {name: p, kind: pool, pool: average, kernel: [2, 3], stride: 1}\n"
          "  - {name: b, kind: conv, out: 5, kernel: 2}\n"
          "  - {name: q, kind: pool, pool: average, kernel: 3, stride: 2, pad: 1}\n"
          "  - {name: g, kind: pool, pool: average, kernel: global}\n"
          "  - {name: fc, kind: linear, out: 10}\n"},
    {"a pool of the image", "name: t\ninput: {channels: 3, height: 8, width: 8, bits: 8}\n"
                            "classes: 10\ndefault_form: int8\nlayers:\n"
                            "  - {name: p, kind: pool, pool: average, kernel: 2}\n"
                            "  - {name: a, kind: conv, out: 6, kernel: 2}\n"
                            "  - {name: m, kind: pool, kernel: global}\n"
                            "  - {name: fc, kind: linear, out: 10}\n"},
};
const size_t n_layer_nets = sizeof layer_nets / sizeof *layer_nets;
