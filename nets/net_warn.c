// What a form makes of layers that the file lists, said once.
#include <stdio.h>
#include <string.h>

#include "nets/net.h"
#include "base/warn.h"

void net_warn(const struct net *net, struct warnings *warnings)
{
    const struct net_changes *c = &net->changes;
    const struct {
        const char *layers, *what;
    } changes[] = {
        {c->pools, "max-pools become the strides of the convolutions before them ('max_pool: keep' "
                   "keeps them, 'max_pool: stride' says that this is meant)"},
        {c->heads, "the global average pooling is left out, the map is flattened ('head: avgpool' "
                   "keeps it, 'head: flatten' says that this is meant)"},
        {c->relus, "a comparator takes the place of the ReLU"},
        {c->norms, "a batch-norm follows, although the file says 'bn: false'"},
    };
    char text[480] = "";
    size_t used = 0;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        if (changes[i].layers && used < sizeof text - 1)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%.80s%s: %s",
                                     used ? "; " : "", changes[i].layers,
                                     strlen(changes[i].layers) > 80 ? "..." : "", changes[i].what);
    if (used)
        warn_add(warnings, "form-changes-layer",
                 "the form %s changes layers that the net '%.40s' lists: %s",
                 net_form_names[net->form], net->name, text);
}
