#include "tests/train/school.h"

#include <string.h>

#include "nets/train/slim_draw.h"

static const char net_text[] = "name: tiny\n"
                               "input: {channels: 1, height: 28, width: 28, bits: 8}\n"
                               "classes: 10\n"
                               "layers:\n"
                               "  - {name: conv1, kind: conv, out: 3, kernel: 5, stride: 4}\n"
                               "  - {name: conv2, kind: conv, out: 5, kernel: 3, stride: 2}\n"
                               "  - {name: fc, kind: linear, out: 10}\n";

static bool make_net(enum net_form form, double width, const int *widths, struct net **out,
                     struct err *err)
{
    struct net_options options = {.has_form = true,
                                  .form = form,
                                  .width = width,
                                  .widths = widths,
                                  .n_widths = widths ? WIDTHS : 0};
    struct conf *conf = conf_parse("net", net_text, strlen(net_text), err);
    bool ok = conf && net_load(conf, &options, out, err);
    conf_close(conf);
    return ok;
}

bool school_resize(const void *form, const int *widths, struct net **out, struct err *err)
{
    return make_net(*(const enum net_form *)form, 0, widths, out, err);
}

static struct recipe recipe(int sample)
{
    return (struct recipe){
        .epochs = 3,
        .batch = BATCH,
        .shard = 4,
        .seed = 5,
        .held_out = 0.1,
        .optimiser = {.kind = OPTIMISER_SGD, .rate = 0.05, .momentum = 0.9, .weight_decay = 1e-4},
        .schedule = {.kind = SCHEDULE_CONSTANT},
        .augment = {.flip = true, .crop = 2},
        .has_supernet = true,
        .supernet = {.least = 1,
                     .most = 3,
                     .step = 1,
                     .sample = sample,
                     .sub_nets = 4,
                     .distill = sample == SLIM_SANDWICH,
                     .period = 2,
                     .bn_batches = 3},
    };
}

void school_open(struct school *s, enum net_form form, int sample)
{
    struct err err = {0};
    *s = (struct school){.form = form, .recipe = recipe(sample)};
    if (!make_net(form, 3, NULL, &s->net, &err) ||
        !dataset_open("synth", DATASET_TRAIN, IMAGES, &s->data, &err))
        fail_msg("%s", err.text);
    s->params = (struct trainer_params){.net = s->net,
                                        .recipe = &s->recipe,
                                        .data = s->data,
                                        .backend = &backend_reference,
                                        .workers = 1,
                                        .resize = {school_resize, &s->form}};
}

void school_close(struct school *s)
{
    dataset_close(s->data);
    net_destroy(s->net);
}

struct trainer *school_trainer(const struct school *s)
{
    struct err err = {0};
    struct trainer *trainer = NULL;
    if (!trainer_create(&s->params, &trainer, &err))
        fail_msg("%s", err.text);
    return trainer;
}

void school_step(struct trainer *trainer, uint64_t until)
{
    struct err err = {0};
    while (!trainer_done(trainer) && trainer_state(trainer)->step < until)
        if (!trainer_step(trainer, &err))
            fail_msg("%s", err.text);
}

struct graph *school_graph(const struct net *net)
{
    struct err err = {0};
    struct graph *graph = NULL;
    struct graph_options options = {
        .backend = &backend_reference, .batch = BATCH, .shard = 4, .workers = 1};
    if (!graph_create(net, &options, &graph, &err))
        fail_msg("%s", err.text);
    return graph;
}

// Not by slim_gather and slim_add.
void school_share(const struct net *wide, float *const *w, const struct net *narrow,
                  float *const *n, bool add)
{
    for (size_t i = 1; i < narrow->n; i++) {
        size_t row = (size_t)(narrow->layers[i].weights / narrow->layers[i].out_c);
        size_t stride = (size_t)(wide->layers[i].weights / wide->layers[i].out_c);
        for (int o = 0; o < narrow->layers[i].out_c; o++)
            for (size_t k = 0; k < row; k++)
                if (add)
                    w[i][(size_t)o * stride + k] += n[i][(size_t)o * row + k];
                else
                    n[i][(size_t)o * row + k] = w[i][(size_t)o * stride + k];
    }
}

void school_list(const struct weights *w, float *list[4])
{
    for (size_t i = 1; i < 4; i++)
        list[i] = w->layers[i].w;
}
