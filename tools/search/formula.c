#include "tools/search/formula.h"

#include <math.h>
#include <stdio.h>

#include "nets/net.h"

#define AT(member) .offset = offsetof(struct formula, member)
const struct conf_field formula_fields[] = {
    {"ceiling", CONF_NUM, AT(ceiling), .min = 0, .max = 1, .fallback = "0.9435",
     .help = "accuracy of endlessly wide layers"},
    {"loss", CONF_NUM, AT(loss), .min = 0, .max = 1, .fallback = "0.1313",
     .help = "what the net at ratio 1 is below it"},
    {"power", CONF_NUM, AT(power), .min = 0.01, .max = 10, .fallback = "1.282",
     .help = "the loss of a layer falls as ratio^-power"},
    {"front", CONF_NUM, AT(front), .min = 0.01, .max = 100, .fallback = "3",
     .help = "the first layer's share of the loss over the last one's"},
    {0},
};
#undef AT

double formula_accuracy(const struct formula *formula, const double *ratios, size_t n)
{
    double shares = 0, loss = 0;
    for (size_t l = 0; l < n; l++) {
        double place = n > 1 ? (double)l / (double)(n - 1) : 0;
        double share = formula->front + (1 - formula->front) * place;
        shares += share;
        loss += share * pow(ratios[l], -formula->power);
    }
    double accuracy = formula->ceiling - formula->loss * loss / shares;
    return accuracy < 0 ? 0 : accuracy > 1 ? 1 : accuracy;
}

// 19 convolutions of 3x3, 7 of 16, 6 of 32, 6 of 64 channels, nine residual adds, one classifier.
static bool is_binary_resnet20(const struct net *net)
{
    int convs = 0, adds = 0, linears = 0;
    if (net->form != FORM_BINARY || net->raw_c != 3 || net->raw_h != 32 || net->raw_w != 32)
        return false;
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *l = &net->layers[i];
        adds += l->kind == LAYER_ADD;
        linears += l->kind == LAYER_LINEAR;
        if (l->kind == LAYER_LINEAR && l->out_c != 10)
            return false;
        if (l->kind != LAYER_CONV)
            continue;
        int channels = convs < 7 ? 16 : convs < 13 ? 32 : 64;
        if (l->out_c != channels || l->kernel_h != 3 || l->kernel_w != 3 || l->groups != 1)
            return false;
        convs++;
    }
    return convs == 19 && adds == 9 && linears == 1;
}

bool formula_check(const struct conf_node *root, const struct net *net, struct err *err)
{
    size_t stated = 0, n = sizeof formula_fields / sizeof *formula_fields - 1;
    for (size_t i = 0; i < n; i++) {
        char path[64];
        snprintf(path, sizeof path, "accuracy.formula.%s", formula_fields[i].key);
        stated += conf_find(root, path) != NULL;
    }
    if (stated == n || is_binary_resnet20(net))
        return true;
    const struct conf_node *at = conf_find(root, "accuracy.source");
    at = at ? at : conf_find(root, "accuracy");
    return conf_fail(at ? at : root, err,
                     "the closed form of accuracy is fitted to HAWIS's binary ResNet-20 on "
                     "CIFAR-10, not to '%s' (%s); use source command or supernet, or state all of "
                     "accuracy.formula: {ceiling, loss, power, front} for this net",
                     net->name, net_form_names[net->form]);
}
