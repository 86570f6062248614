// Images to the operands of the first layer, by table: what a pixel becomes depends on its value
// alone.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/encode.h"
#include "nets/train/graph_state.h"
#include "base/mem.h"

enum { VALUES = 256 };

// (planes, VALUES): every plane of every value, as nets/encode has it.
static float *encode_all(const struct net *net)
{
    struct layer planes = net->layers[0];
    struct net line = *net;
    planes.out_h = line.raw_h = 1;
    planes.out_w = line.raw_w = VALUES;
    line.layers = &planes;
    uint8_t *image = mem_alloc((size_t)net->raw_c * VALUES, 1);
    float *out = mem_alloc((size_t)planes.out_c * VALUES, sizeof *out);
    for (int i = 0; i < net->raw_c * VALUES; i++)
        image[i] = (uint8_t)i;
    encode_floats(&line, image, out);
    free(image);
    return out;
}

// In the forms of whole steps a raw pixel is a signed number of them, as in nets/integer.
static double choose_range(const struct net *net, const float *planes)
{
    bool stepped = net->form == FORM_INT8 || net->form == FORM_INT16;
    double most = 0;
    if (!stepped || net->encoder != ENCODER_RAW)
        return 0;
    for (int i = 0; i < net->layers[0].out_c * VALUES; i++)
        most = fmax(most, fabs((double)planes[i]));
    return most;
}

void graph_plan_input(struct graph *g)
{
    const struct net *net = g->net;
    struct node *n = &g->nodes[0];
    enum operand operand = g->options.operand;
    size_t entries = (size_t)net->raw_c * VALUES * n->c;
    float *planes = encode_all(net);
    g->tables = graph_alloc(g, entries, operand_size(operand));
    g->values = n->stream_reads ? graph_alloc(g, entries, sizeof *g->values) : NULL;
    n->range = choose_range(net, planes);
    double step = graph_step_of(g, 0);
    for (int p = 0; p < n->c; p++)
        for (int v = 0; v < VALUES; v++) {
            size_t at = ((size_t)(p % net->raw_c) * VALUES + v) * n->c + p;
            float value = planes[p * VALUES + v];
            float steps = n->range > 0 ? (float)rint((double)value / step) : value;
            if (operand == OPERAND_BF16)
                ((uint16_t *)g->tables)[at] = bf16_of(steps);
            else
                ((float *)g->tables)[at] = steps;
            if (g->values)
                g->values[at] = steps * (float)step;
        }
    free(planes);
}

static void encode(const struct graph *g, int shard, const void *tables, enum operand operand,
                   char *to)
{
    const struct node *n = &g->nodes[0];
    int first = shard * g->options.shard;
    for (int i = 0; i < graph_images(g, shard); i++, to += n->map * operand_size(operand))
        g->elements->encode(g->batch->images[first + i], tables, g->net->raw_c,
                            n->map / (size_t)n->c, n->c, operand, to);
}

void graph_encode(const struct graph *g, int shard)
{
    encode(g, shard, g->tables, g->options.operand, graph_operands_at(g, 0, shard));
}

void graph_encode_values(const struct graph *g, int shard)
{
    encode(g, shard, g->values, OPERAND_F32, (char *)graph_at(g, 0, g->nodes[0].sum, shard));
}
