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
    // Every layer reads all maps before it; one of them is signed, which all then are.
    {"a DenseNet block",
     HEAD "  - {name: d1, kind: conv, out: 4, kernel: 3, pad: 1}\n"
          "  - {name: cat1, kind: concat, from: [a, d1]}\n"
          "  - {name: d2, kind: conv, out: 3, kernel: 3, pad: 1, relu: false}\n"
          "  - {name: cat2, kind: concat, from: [cat1, d2]}\n"
          "  - {name: d3, kind: conv, out: 5, kernel: 1}\n"
          "  - {name: cat3, kind: concat, from: [cat2, d3, a]}\n"
          "  - {name: p, kind: pool, kernel: 2}\n"
          "  - {name: t, kind: conv, out: 7, kernel: 3, stride: 2, pad: 1}\n" TAIL},
    {"branches of Inception",
     HEAD "  - {name: b1, kind: conv, from: a, out: 4, kernel: 1}\n"
          "  - {name: b3.0, kind: conv, from: a, out: 3, kernel: 1}\n"
          "  - {name: b3.1, kind: conv, out: 5, kernel: 3, pad: 1}\n"
          "  - {name: b5.0, kind: conv, from: a, out: 2, kernel: 5, pad: 2}\n"
          "  - {name: b5.1, kind: conv, out: 3, kernel: 5, pad: 2}\n"
          "  - {name: bp, kind: pool, from: a, kernel: 3, stride: 1, pad: 1}\n"
          "  - {name: cat, kind: concat, from: [b1, b3.1, b5.1, bp]}\n"
          "  - {name: c, kind: conv, out: 8, kernel: 3, pad: 1}\n" TAIL},
    {"squeeze and excitation",
     HEAD "  - {name: se.pool, kind: pool, pool: average, kernel: global}\n"
          "  - {name: se.fc1, kind: linear, out: 3}\n"
          "  - {name: se.fc2, kind: linear, out: 6, scale: false}\n"
          "  - {name: se.scale, kind: multiply, from: a, by: se.fc2}\n"
          "  - {name: c, kind: conv, out: 6, kernel: 3, pad: 1, relu: false}\n"
          "  - {name: add, kind: add, shortcut: se.scale}\n" TAIL},
    {"a gated unit of signed maps",
     HEAD "  - {name: x, kind: linear, tokens: true, from: a, out: 7, relu: false}\n"
          "  - {name: g, kind: linear, tokens: true, from: a, out: 7, relu: false}\n"
          "  - {name: xg, kind: multiply, from: x, by: g}\n"
          "  - {name: y, kind: linear, tokens: true, out: 7, scale: false, relu: false}\n"
          "  - {name: xy, kind: multiply, from: y, by: x, relu: true}\n" TAIL},
    {"a concat under an add, of the image too",
     "name: t\ninput: {channels: 3, height: 8, width: 8, bits: 8}\nclasses: 10\n"
     "default_form: int8\nlayers:\n"
     "  - {name: a, kind: conv, out: 6, kernel: 3, pad: 1}\n"
     "  - {name: cat, kind: concat, from: [input, a, input]}\n"
     "  - {name: c, kind: conv, out: 12, kernel: 3, pad: 1, relu: false}\n"
     "  - {name: add, kind: add, shortcut: cat}\n"
     "  - {name: fc, kind: linear, out: 10}\n",
     true},
    // In the binary form, too: bits joined with bits, beside a residual stream.
    {"joined bits",
     HEAD "  - {name: d1, kind: conv, out: 4, kernel: 3, pad: 1}\n"
          "  - {name: cat1, kind: concat, from: [a, d1]}\n"
          "  - {name: d2, kind: conv, out: 6, kernel: 3, pad: 1}\n"
          "  - {name: add, kind: add, shortcut: a}\n"
          "  - {name: cat2, kind: concat, from: [add, cat1, d1]}\n"
          "  - {name: d3, kind: conv, out: 5, kernel: 3, stride: 2, pad: 1}\n" TAIL,
     false, true},
};
const size_t n_layer_nets = sizeof layer_nets / sizeof *layer_nets;
