#include "tests/crossbar/sums.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nets/net.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "sim/crossbar/conductance_model.h"
#include "sim/map/map.h"
#include "tests/crossbar/model.h"

const char *const wide[] = {ADC("20"), NULL};

size_t inputs_of(const struct layer *l)
{
    return (size_t)l->in_c * l->in_h * l->in_w;
}

size_t outputs_of(const struct layer *l)
{
    return (size_t)l->out_c * l->out_h * l->out_w;
}

int32_t *random_inputs(const struct layer *l, uint32_t seed)
{
    int32_t *in = mem_alloc(inputs_of(l), sizeof *in);
    for (size_t i = 0; i < inputs_of(l); i++)
        in[i] = (int32_t)(model_random(&seed) % (1U << l->in_bits[0]));
    return in;
}

struct conductance_model *conductance_model_make(const struct model *m,
                                                 const struct chip_sample *sample)
{
    struct err err = {0};
    struct conductance_model *analog =
        conductance_model_create(m->s.map, m->integer, sample, CPU_AVX512, &err);
    if (!analog)
        fail_msg("%s", err.text);
    return analog;
}

int64_t *currents(const struct model *m, const struct chip_sample *sample, int layer,
                  const int32_t *in, size_t image)
{
    int64_t *sums = mem_alloc(outputs_of(&m->s.net->layers[layer]), sizeof *sums);
    struct conductance_model *analog = conductance_model_make(m, sample);
    struct conductance_model_worker *worker = conductance_model_worker_create(analog);
    conductance_model_worker_image(worker, image);
    conductance_model_matrix(worker, layer, in, sums);
    conductance_model_worker_destroy(worker);
    conductance_model_destroy(analog);
    return sums;
}

int last_layer(const struct model *m)
{
    return (int)m->s.net->n - 1;
}

int conversions_of(const struct model *m, int layer)
{
    const struct map_layer *ml = &m->s.map->layers[layer];
    int n = 0, active = chip_rows_active(m->s.chip);
    for (int i = ml->slice0; i < ml->slice0 + ml->slices; i++)
        if (m->s.map->slices[i].col_block == 0)
            n += (m->s.map->slices[i].rows + active - 1) / active;
    return n * ml->input_cycles;
}
