// Images per second through the arrays, end to end on one core, random weights and images; and how
// long a fault map takes. Asserts nothing: a machine is as fast as it is.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nets/int_net.h"
#include "nets/net.h"
#include "nets/weights.h"
#include "base/err.h"
#include "base/rng.h"
#include "sim/chip/chip.h"
#include "base/catalog/catalog.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/evaluate.h"
#include "sim/map/map.h"
#include "workloads/dataset.h"

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const struct err *err)
{
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

struct model {
    struct chip *chip;
    struct net *net;
    struct mapping *map;
    struct weights *weights;
    struct int_net *integer;
};

static float between(uint64_t index, float low, float high)
{
    return low + (high - low) * (float)(rng_u64(1, RNG_SYNTH, index) >> 40) / (1 << 24);
}

static struct weights *random_weights(const struct net *net)
{
    struct weights *w = weights_create(net);
    uint64_t index = 0;
    for (size_t i = 1; i < net->n; i++) {
        const struct layer *l = &net->layers[i];
        struct layer_weights *to = &w->layers[i];
        for (int64_t j = 0; j < l->weights; j++)
            to->w[j] = between(index++, -1, 1);
        for (int c = 0; to->gamma && c < l->out_c; c++) {
            to->beta[c] = between(index++, -1, 1);
            to->var[c] = between(index++, 10, 400);
        }
    }
    return w;
}

static struct model load(const char *chip, const char *form, double width, const char *adc)
{
    struct err err = {0};
    struct catalog catalog = {0};
    struct model m = {0};
    struct conf *conf = catalog_open(&catalog, CATALOG_CHIP, chip, &err);
    if (!conf || (adc && !conf_set(conf, "adc", adc, &err)) || !chip_load(conf, &m.chip, &err))
        die(&err);
    struct net_options options = {.has_form = true, .width = width};
    for (int f = 0; net_form_names[f]; f++)
        if (!strcmp(form, net_form_names[f]))
            options.form = (enum net_form)f;
    conf = catalog_open(&catalog, CATALOG_NET, "resnet20", &err);
    if (!conf || !net_load(conf, &options, &m.net, &err) ||
        !map_net(m.net, m.chip, 1, &m.map, &err))
        die(&err);
    conf_close(conf);
    m.weights = random_weights(m.net);
    double *ranges = calloc(m.net->n, sizeof *ranges);
    for (size_t i = 0; i < m.net->n; i++)
        ranges[i] = 8;
    m.integer = int_net_create(m.net, m.weights, ranges, &err);
    free(ranges);
    if (!m.integer)
        die(&err);
    return m;
}

static void unload(struct model *m)
{
    int_net_destroy(m->integer);
    weights_destroy(m->weights);
    map_destroy(m->map);
    net_destroy(m->net);
    chip_destroy(m->chip);
}

static struct dataset *random_images(size_t n)
{
    struct err err = {0};
    struct dataset *data = NULL;
    if (!dataset_open("synth32", DATASET_TEST, n, &data, &err))
        die(&err);
    return data;
}

static struct level_model *faulty(const struct model *m, enum cpu_level level)
{
    struct err err = {0};
    const struct chip_sample faults = {{.stuck_lrs = 0.0175, .stuck_hrs = 0.0904}, 1, 0};
    struct level_model *arrays = level_model_create(m->map, m->integer, &faults, level, &err);
    if (!arrays)
        die(&err);
    return arrays;
}

static struct conductance_model *varied(const struct model *m, enum cpu_level level)
{
    struct err err = {0};
    const struct chip_sample sample = {
        {.stuck_lrs = 0.0175, .stuck_hrs = 0.0904, .sigma = 0.3}, 1, 0};
    struct conductance_model *analog =
        conductance_model_create(m->map, m->integer, &sample, level, &err);
    if (!analog)
        die(&err);
    return analog;
}

// The better of three, with cells as levels or as conductances.
static double images_per_s(const struct model *m, const struct level_model *arrays,
                           const struct conductance_model *analog, const struct dataset *data)
{
    struct evaluation what = {m->net, m->weights, m->integer, arrays, analog, data};
    int32_t *classes = calloc(data->n, sizeof *classes);
    double best = 0;
    for (int i = 0; i < 3; i++) {
        double start = now_s();
        evaluate(&what, data->n, 0, 1, classes);
        double speed = (double)data->n / (now_s() - start);
        best = speed > best ? speed : best;
    }
    free(classes);
    return best;
}

static void bench_levels(const char *name, const char *form, double width, const char *adc,
                         bool varies, size_t images, double target)
{
    struct model m = load("hawis", form, width, adc);
    double scalar = 0;
    for (int level = 0; level < CPU_LEVELS; level++) {
        if (cpu_best((enum cpu_level)level) != (enum cpu_level)level)
            continue;
        struct dataset *data = random_images(level ? images : (images + 7) / 8);
        struct level_model *arrays = varies ? NULL : faulty(&m, (enum cpu_level)level);
        struct conductance_model *analog = varies ? varied(&m, (enum cpu_level)level) : NULL;
        double speed = images_per_s(&m, arrays, analog, data);
        scalar = level ? scalar : speed;
        printf("%-28s %-7s %10.0f %8.1fx", name, cpu_level_names[level], speed, speed / scalar);
        if (level == CPU_AVX512)
            printf("   %.0f", target);
        printf("\n");
        fflush(stdout);
        level_model_destroy(arrays);
        conductance_model_destroy(analog);
        dataset_close(data);
    }
    unload(&m);
}

static void bench_fault_map(void)
{
    struct model m = load("hawis", "binary", 5, NULL);
    for (int level = 0; level < CPU_LEVELS; level++) {
        if (cpu_best((enum cpu_level)level) != (enum cpu_level)level)
            continue;
        double best = 1e9;
        int64_t cells = 0;
        for (int i = 0; i < 3; i++) {
            double start = now_s();
            struct level_model *arrays = faulty(&m, (enum cpu_level)level);
            double took = now_s() - start;
            best = took < best ? took : best;
            cells = level_model_faults(arrays).cells;
            level_model_destroy(arrays);
        }
        printf("%-28s %-7s %10.3f s for %.1f M cells, arrays included%s\n", "fault map of U-5x",
               cpu_level_names[level], best, (double)cells * 1e-6,
               level == CPU_AVX512 ? "   0.1" : "");
    }
    unload(&m);
}

static void bench_variation(void)
{
    struct model m = load("hawis", "binary", 1, NULL);
    for (int level = 0; level < CPU_LEVELS; level++) {
        if (cpu_best((enum cpu_level)level) != (enum cpu_level)level)
            continue;
        double best = 1e9;
        for (int i = 0; i < 5; i++) {
            double start = now_s();
            struct conductance_model *analog = varied(&m, (enum cpu_level)level);
            double took = now_s() - start;
            best = took < best ? took : best;
            conductance_model_destroy(analog);
        }
        printf("%-28s %-7s %10.4f s%s\n", "variation of U-1x", cpu_level_names[level], best,
               level == CPU_AVX512 ? "   0.02" : "");
    }
    unload(&m);
}

int main(void)
{
    static const char wide[] = "{preset: none, bits: 20, time: 1 ns, energy: 1 pJ, area: 1 um2}";
    static const char narrow[] = "{preset: none, bits: 6, time: 1 ns, energy: 1 pJ, area: 1 um2}";
    printf("%-28s %-7s %10s %9s   target\n", "resnet20, 1.75 % + 9.04 %", "level", "images/s",
           "of scalar");
    bench_levels("binary U-1x", "binary", 1, NULL, false, 1600, 3000);
    bench_levels("binary U-1x, 6-bit ADC", "binary", 1, narrow, false, 800, 3000);
    bench_levels("binary U-5x", "binary", 5, NULL, false, 160, 350);
    bench_levels("int8 U-1x, bit slices", "int8", 1, wide, false, 64, 120);
    bench_levels("binary U-1x, sigma 0.3", "binary", 1, NULL, true, 800, 800);
    bench_fault_map();
    bench_variation();
    return 0;
}
