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

// Along one side; `padded`: the map with its padding.
static bool side_valid(int padded, int kernel, int dilation, int stride, int out)
{
    if (kernel < 1 || dilation < 1 || stride < 1)
        return false;
    int extent = (kernel - 1) * dilation + 1;
    return padded >= extent && out == (padded - extent) / stride + 1;
}

bool conv_shape_valid(const struct conv_shape *s)
{
    return s->images > 0 && s->groups > 0 && s->in_c % s->groups == 0 &&
           s->out_c % s->groups == 0 && s->pad_top >= 0 && s->pad_left >= 0 && s->pad_bottom >= 0 &&
           s->pad_right >= 0 &&
           side_valid(s->pad_top + s->in_h + s->pad_bottom, s->kernel_h, s->dilation_h, s->stride_h,
                      s->out_h) &&
           side_valid(s->pad_left + s->in_w + s->pad_right, s->kernel_w, s->dilation_w, s->stride_w,
                      s->out_w);
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
