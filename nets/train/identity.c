// What a run depends on, as text, and its metrics as CSV.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "nets/backend/backend.h"
#include "nets/net.h"
#include "nets/train/recipe.h"
#include "nets/train/trainer.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/text_stream.h"
#include "workloads/dataset.h"

static void print_weights(FILE *out, const char *key, const struct net *net,
                          const struct weights *weights)
{
    if (weights)
        fprintf(out, "%s [%016" PRIx64 "]\n", key, weights_hash(net, weights));
}

static uint64_t images_hash(const struct dataset *data)
{
    uint64_t hash = hash_bytes(HASH_START, data->images, data->n * dataset_image_bytes(data));
    return hash_bytes(hash, data->labels, data->n);
}

const char *trainer_split(const struct recipe *recipe, const struct dataset *data,
                          struct arena *mem)
{
    return arena_printf(mem, "%g of %zu images [%016" PRIx64 "], seed %d", recipe->held_out,
                        data->n, images_hash(data), recipe->seed);
}

const char *trainer_identity(const struct trainer_params *params, struct arena *mem)
{
    size_t n;
    struct text_stream *stream = text_stream_create();
    FILE *out = text_stream_file(stream);
    const struct net *net = params->net, *teacher = params->teacher;
    const struct dataset *data = params->data;
    fprintf(out, "net %s %s %s [%016" PRIx64 "]\n", escape_line(mem, net->name),
            net_form_names[net->form], net->width, net->hash);
    fprintf(out, "data %s [%016" PRIx64 "]\n", data->name, images_hash(data));
    fprintf(out, "images %zu\n", data->n);
    if (params->chip)
        fprintf(out, "chip %s\n", escape_line(mem, params->chip));
    recipe_print(params->recipe, out);
    fprintf(out, "backend %s %s\n", params->backend->name, params->backend->version());
    print_weights(out, "init", params->init_net ? params->init_net : net, params->init);
    if (teacher)
        fprintf(out, "teacher %s %s [%016" PRIx64 "]\n", escape_line(mem, teacher->name),
                net_form_names[teacher->form], teacher->hash);
    print_weights(out, "teacher_weights", teacher, params->teacher_weights);
    fprintf(out, "model_version %d\n", TRAIN_MODEL_VERSION);
    char *text = text_stream_finish(stream, &n);
    char *copy = arena_strdup(mem, text);
    free(text);
    return copy;
}

// The last column is a super-net's alone.
static void print_rows(const struct train_state *state, bool supernet, FILE *out)
{
    fprintf(out, "epoch,loss,train_accuracy,held_out_accuracy,learning_rate%s\n",
            supernet ? ",smallest_accuracy" : "");
    for (size_t i = 0; i < state->n_rows; i++) {
        const struct epoch_row *row = &state->rows[i];
        char loss[40], train[40], held_out[40] = "", rate[40], smallest[40] = "";
        text_double(loss, sizeof loss, row->loss);
        text_double(train, sizeof train, row->train_accuracy);
        text_double(rate, sizeof rate, row->rate);
        if (row->held_out_accuracy >= 0)
            text_double(held_out, sizeof held_out, row->held_out_accuracy);
        if (row->smallest_accuracy >= 0)
            text_double(smallest, sizeof smallest, row->smallest_accuracy);
        fprintf(out, "%zu,%s,%s,%s,%s%s%s\n", i + 1, loss, train, held_out, rate,
                supernet ? "," : "", smallest);
    }
}

static void print_seconds(const struct train_state *state, bool supernet, FILE *out)
{
    (void)supernet;
    fputs("epoch,seconds\n", out);
    for (size_t i = 0; i < state->n_rows; i++)
        fprintf(out, "%zu,%.3f\n", i + 1, state->rows[i].seconds);
}

static bool write_rows(const char *folder, const char *name, const struct train_state *state,
                       bool supernet,
                       void (*print)(const struct train_state *state, bool supernet, FILE *out),
                       struct err *err)
{
    struct arena *mem = arena_create();
    struct file_out *out = file_create(arena_printf(mem, "%s/%s", folder, name), err);
    if (out)
        print(state, supernet, file_stream(out));
    arena_destroy(mem);
    return out && file_commit(out, err);
}

bool trainer_metrics(const char *folder, const struct train_state *state, bool supernet,
                     struct err *err)
{
    return write_rows(folder, "metrics.csv", state, supernet, print_rows, err) &&
           write_rows(folder, "seconds.csv", state, supernet, print_seconds, err);
}
