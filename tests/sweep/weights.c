// weights NET.yaml FILE: random weights for a net, the same ones at every call, for tests that need
// some net to answer something.
#include <stdio.h>

#include "nets/net.h"
#include "nets/weights.h"
#include "base/err.h"
#include "tests/support/weights.h"

int main(int argc, char **argv)
{
    struct err err = {0};
    struct net *net = NULL;
    struct net_options options = {0};
    struct conf *conf = argc == 3 ? conf_open(argv[1], &err) : NULL;
    bool ok = conf && net_load(conf, &options, &net, &err);
    if (ok) {
        struct weights *weights = random_weights(net);
        ok = weights_save(argv[2], net, weights, &err);
        weights_destroy(weights);
    }
    if (!ok)
        fprintf(stderr, "weights NET.yaml FILE: %s\n", err.text);
    net_destroy(net);
    conf_close(conf);
    return ok ? 0 : 1;
}
