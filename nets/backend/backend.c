#include "nets/backend/backend.h"

#include <string.h>

const char *const operand_names[] = {"f32", "bf16", NULL};

#if HAVE_ONEDNN
extern const struct backend backend_onednn;
#endif

// The fastest last.
static const struct backend *const backends[] = {
    &backend_reference,
#if HAVE_ONEDNN
    &backend_onednn,
#endif
    NULL,
};

static int out_size(int in, int kernel, int stride, int pad)
{
    return (in + 2 * pad - kernel) / stride + 1;
}

bool conv_shape_valid(const struct conv_shape *s)
{
    return s->images > 0 && s->groups > 0 && s->in_c % s->groups == 0 &&
           s->out_c % s->groups == 0 && s->pad >= 0 && s->stride > 0 &&
           s->in_h + 2 * s->pad >= s->kernel_h && s->in_w + 2 * s->pad >= s->kernel_w &&
           s->out_h == out_size(s->in_h, s->kernel_h, s->stride, s->pad) &&
           s->out_w == out_size(s->in_w, s->kernel_w, s->stride, s->pad);
}

const struct backend *const *backend_list(void)
{
    return backends;
}

const struct backend *backend_find(const char *name)
{
    const struct backend *found = NULL;
    for (size_t i = 0; backends[i]; i++)
        if (!strcmp(name, "auto") || !strcmp(name, backends[i]->name))
            found = backends[i];
    return found;
}
