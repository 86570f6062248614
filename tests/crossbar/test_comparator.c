// Read-outs of one bit: exact where one of them covers a layer, votes where there are several.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nets/int_net.h"
#include "nets/net.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/crossbar/level_model.h"
#include "sim/crossbar/cells.h"
#include "sim/crossbar/comparator.h"
#include "sim/crossbar/fault.h"
#include "sim/crossbar/mitigation.h"
#include "sim/crossbar/packed.h"
#include "sim/map/map.h"
#include "tests/crossbar/model.h"

#define EXACT(layer)                                                                               \
    "{layer: " layer ", adc: {preset: none, bits: 20, time: 1 ns, energy: 1 pJ, area: 1 um2}}"

static struct conductance_model *make(const struct model *m, const struct chip_sample *sample)
{
    struct err err = {0};
    struct conductance_model *analog =
        conductance_model_create(m->s.map, m->integer, sample, CPU_AVX512, &err);
    if (!analog)
        fail_msg("%s", err.text);
    return analog;
}

// All rows of a layer driven at once, batch-norm's threshold as reference: the vote is the
// activation. The layers whose sums are read otherwise have ADCs, by override.
static void one_read_out_is_exact(void **state)
{
    (void)state;
    static const char *const sets[] = {
        "dac.count=256", "net.residual_bits=16",
        "overrides=[" EXACT("conv1") ", " EXACT("layer1.0.conv2") ", " EXACT("linear") "]", NULL};
    struct model m = model_make("hawis-sa", "binary", sets);
    const struct chip_sample none = {.seed = 1};
    assert_true(comparator_reads(m.s.map, 2) && !comparator_reads(m.s.map, 1));
    assert_true(comparator_exact(m.s.map, m.integer, 2));
    struct conductance_model *analog = make(&m, &none);
    struct conductance_model_worker *worker = conductance_model_worker_create(analog);
    struct int_net_run *a = int_net_run_create(m.integer), *b = int_net_run_create(m.integer);
    uint32_t x = 3;
    uint8_t image[192];
    int64_t want[10];
    for (int i = 0; i < 20; i++) {
        model_image(&x, image);
        memcpy(want, int_net_run_image(a, image, int_net_matrix_reference, m.integer), sizeof want);
        assert_memory_equal(int_net_run_image(b, image, conductance_model_matrix, worker), want,
                            sizeof want);
    }
    assert_null(packed_create_analog(analog));
    int_net_run_destroy(a);
    int_net_run_destroy(b);
    conductance_model_worker_destroy(worker);
    conductance_model_destroy(analog);
    model_free(&m);
}

static int weight_of(const struct model *m, const struct chip_sample *sample, const struct slice *s,
                     int row, int out)
{
    const struct layer *l = &m->s.net->layers[s->layer];
    const struct map_tile *t = &m->s.map->tiles[s->tile];
    int32_t w = weight_at(l, s, m->integer->layers[s->layer].w, row, out);
    int pair[2] = {w > 0, w < 0};
    for (int p = 0; p < 2; p++) {
        struct cell_address at = {t->x, t->y, s->pe, s->crossbar, p, row, out};
        enum cell_fault fault = fault_cell(sample, &at);
        pair[p] = fault == CELL_FINE ? pair[p] : fault == CELL_LRS;
    }
    return pair[0] - pair[1];
}

// One layer by hand: votes of every read-out against its share of T, added up.
static void vote_by_hand(const struct model *m, const struct chip_sample *sample, int layer,
                         const int32_t *in, int64_t *acc)
{
    const struct layer *l = &m->s.net->layers[layer];
    const struct int_layer *il = &m->integer->layers[layer];
    const struct map_layer *ml = &m->s.map->layers[layer];
    int active = chip_rows_active(m->s.chip), total = (int)(l->weights / l->out_c), widest = 0;
    for (int i = ml->slice0; i < ml->slice0 + ml->slices; i++)
        if (m->s.map->slices[i].rows > widest)
            widest = m->s.map->slices[i].rows;
    double worth = sqrt((widest < active ? widest : active) / acos(-1));
    int32_t *window = mem_alloc((size_t)total, sizeof *window);
    for (int y = 0; y < l->out_h; y++)
        for (int x = 0; x < l->out_w; x++)
            for (int c = 0; c < l->out_c; c++) {
                double reference = -(double)il->offset[c] / (double)il->mul[c];
                if (layer == 2) { // a threshold alone reads it; layer 1 is the shortcut
                    double at = (double)(il->half - il->offset[c]) / (double)il->mul[c];
                    reference = il->mul[c] > 0 ? floor(at) + 0.5 : ceil(at) - 0.5;
                }
                int votes = 0;
                for (int i = ml->slice0; i < ml->slice0 + ml->slices; i++) {
                    const struct slice *s = &m->s.map->slices[i];
                    if (c < s->out0 || c >= s->out0 + s->outs)
                        continue;
                    gather_slice(l, s, in, y, x, window);
                    for (int first = 0; first < s->rows; first += active) {
                        int rows = s->rows - first < active ? s->rows - first : active, sum = 0;
                        for (int r = first; r < first + rows; r++)
                            sum += window[s->row0 + r] * weight_of(m, sample, s, r, c - s->out0);
                        votes += sum >= reference * rows / total ? 1 : -1;
                    }
                }
                acc[((size_t)c * l->out_h + y) * l->out_w + x] =
                    (int64_t)floor(reference + worth * votes + 0.5);
            }
    free(window);
}

static void several_read_outs_vote(void **state)
{
    (void)state;
    struct model m = model_make("hawis-sa", "binary", NULL);
    for (int broken = 0; broken < 2; broken++) {
        const struct chip_sample sample = {{.stuck_lrs = 0.05 * broken}, 8, 0};
        struct conductance_model *analog = make(&m, &sample);
        struct conductance_model_worker *worker = conductance_model_worker_create(analog);
        uint32_t x = 7;
        for (int layer = 1; layer < (int)m.s.net->n; layer++) {
            const struct layer *l = &m.s.net->layers[layer];
            if (!m.s.map->layers[layer].slices)
                continue;
            size_t inputs = (size_t)l->in_c * l->in_h * l->in_w;
            size_t outputs = (size_t)l->out_c * l->out_h * l->out_w;
            int32_t *in = mem_alloc(inputs, sizeof *in);
            int64_t *got = mem_alloc(outputs, sizeof *got),
                    *want = mem_alloc(outputs, sizeof *want);
            for (size_t i = 0; i < inputs; i++)
                in[i] = model_random(&x) % 2;
            conductance_model_matrix(worker, layer, in, got);
            vote_by_hand(&m, &sample, layer, in, want);
            assert_memory_equal(got, want, outputs * sizeof *got);
            free(in);
            free(got);
            free(want);
        }
        conductance_model_worker_destroy(worker);
        conductance_model_destroy(analog);
    }
    model_free(&m);
}

static void what_one_bit_cannot_say_is_refused(void **state)
{
    (void)state;
    static const char *const single[] = {"crossbar.polarity=single", NULL};
    static const char *const after[] = {"crossbar.subtract=after_adc", NULL};
    static const char *const signs[] = {"net.activations=plus_minus_one", NULL};
    static const char *const met[] = {"adc.range=calibrated", NULL};
    static const struct {
        const char *form;
        const char *const *sets;
        const char *part;
    } cases[] = {{"int8", NULL, "choose --form binary"},
                 {"binary", single, "set crossbar.polarity to differential"},
                 {"binary", after, "set crossbar.polarity to differential"},
                 {"binary", signs, "set activations to zero_one"},
                 {"binary", met, "set adc.range to full"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model m = model_make("hawis-sa", cases[i].form, cases[i].sets);
        struct err err = {0};
        const int64_t ranges[16] = {0};
        const struct chip_sample none = {.seed = 1, .ranges = ranges};
        assert_null(conductance_model_create(m.s.map, m.integer, &none, CPU_SCALAR, &err));
        if (!strstr(err.text, cases[i].part))
            fail_msg("'%s' does not say '%s'", err.text, cases[i].part);
        // Layers that levels leave out say why themselves, not what levels would have said.
        err = (struct err){0};
        struct level_model *arrays =
            level_model_create_some(m.s.map, m.integer, &none, CPU_SCALAR, &err);
        assert_non_null(arrays);
        assert_string_equal(err.text, "");
        assert_null(conductance_model_create_beside(arrays, &none, CPU_SCALAR, &err));
        if (!strstr(err.text, cases[i].part))
            fail_msg("'%s' does not say '%s'", err.text, cases[i].part);
        level_model_destroy(arrays);
        err = (struct err){0};
        assert_false(mitigation_check(&(struct mitigation_params){.bn = true}, m.s.chip, &err));
        model_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_read_out_is_exact),
        cmocka_unit_test(several_read_outs_vote),
        cmocka_unit_test(what_one_bit_cannot_say_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
