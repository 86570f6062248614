#include "tools/cli/print_tensors.h"

#include <inttypes.h>
#include <stdio.h>

#include "nets/net.h"
#include "nets/weights.h"
#include "base/text.h"

void print_activations(const struct net *net)
{
    static const char *const around[] = {"0", "-1", "+1"};
    if (net->form != FORM_BINARY)
        return;
    if (net->activations == ACTIVATIONS_ZERO_ONE)
        puts("activations                1 where x > 1/2, else 0 (zero_one); padded with 0");
    else
        printf("activations                +1 where x >= 0, else -1 (plus_minus_one); padded with "
               "%s\n",
               around[net->pad_value]);
}

static void print_encoder(const struct net *net)
{
    const char *low = net->layers[0].bipolar ? "-1" : "0";
    printf("image        ");
    switch (net->encoder) {
    case ENCODER_THERMOMETER:
        printf("plane level * %d + channel is 1 where pixel > (level + 1/2) * 256 / %d, else %s\n",
               net->raw_c, net->levels, low);
        break;
    case ENCODER_BIT_PLANES:
        printf("plane k * %d + channel is 1 where bit %d - k of the pixel is, else %s\n",
               net->raw_c, net->raw_bits - 1, low);
        break;
    case ENCODER_SIGN:
        printf("1 where 2 * pixel / %d - 1 >= 0, else %s\n", (1 << net->raw_bits) - 1, low);
        break;
    case ENCODER_RAW:
        printf("x = pixel / %d, normalised as '%s'\n", (1 << net->raw_bits) - 1,
               net_normalise_names[net->normalise]);
        break;
    }
}

static void tensor_row(void *context, const struct tensor_info *info)
{
    struct table *table = context;
    char shape[100] = "[";
    size_t used = 1;
    for (int i = 0; i < info->rank; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%" PRId64, i ? ", " : "",
                                 info->shape[i]);
    snprintf(shape + used, sizeof shape - used, "]%s", info->optional ? " or []" : "");
    table_cell(table, "%s", info->name);
    table_cell(table, "%s", shape);
    table_cell(table, "%s%s", info->what, info->optional ? " (optional)" : "");
}

bool print_tensors(const struct net *net, struct err *err)
{
    static const char *const headers[] = {"<tensor", "<shape", "<what", NULL};
    struct table *table = table_create(headers);
    bool ok = weights_list(net, tensor_row, table, err);
    if (ok) {
        table_print(table, stdout);
        putchar('\n');
        print_encoder(net);
        if (net->form == FORM_BINARY)
            puts("weights      +1 where w >= 0, else -1; times weight_scale, or without one times "
                 "the "
                 "layer's mean |w|");
        puts("batch-norm   gamma * (x - mean) / sqrt(variance + bn_eps) + beta; gamma is called "
             "weight, beta bias;\n"
             "             bn_eps is in the file's metadata, else 1e-5");
        puts("types        F32, F16, BF16, F64, I8, U8, I32 or I64; all names may start with "
             "'module.'");
    }
    table_destroy(table);
    return ok;
}
