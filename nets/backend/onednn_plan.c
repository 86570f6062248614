#include "nets/backend/onednn_plan.h"

#include <dnnl.h>
#include <stdio.h>
#include <string.h>

#if DNNL_VERSION_MAJOR < 3

typedef const dnnl_memory_desc_t *layout_ref;

struct layout {
    dnnl_memory_desc_t it;
};

static layout_ref ref(const struct layout *l)
{
    return &l->it;
}

static bool layout_init(struct layout *l, int n, const dnnl_dim_t *sizes, dnnl_data_type_t type,
                        dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_init_by_tag(&l->it, n, sizes, type, tag) == dnnl_success;
}

static void layout_fini(struct layout *l)
{
    (void)l;
}

#else

typedef const_dnnl_memory_desc_t layout_ref;

struct layout {
    dnnl_memory_desc_t it;
};

static layout_ref ref(const struct layout *l)
{
    return l->it;
}

static bool layout_init(struct layout *l, int n, const dnnl_dim_t *sizes, dnnl_data_type_t type,
                        dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_create_with_tag(&l->it, n, sizes, type, tag) == dnnl_success;
}

static void layout_fini(struct layout *l)
{
    dnnl_memory_desc_destroy(l->it);
}

#endif

static bool map_layout(struct layout *l, const struct conv_shape *s, bool out,
                       dnnl_data_type_t type)
{
    const dnnl_dims_t in_sizes = {s->images, s->in_c, s->in_h, s->in_w};
    const dnnl_dims_t out_sizes = {s->images, s->out_c, s->out_h, s->out_w};
    return layout_init(l, 4, out ? out_sizes : in_sizes, type, dnnl_nhwc);
}

static bool weights_layout(struct layout *l, const struct conv_shape *s, dnnl_data_type_t type,
                           bool plain)
{
    int out_g = s->out_c / s->groups, in_g = s->in_c / s->groups;
    if (s->groups == 1) {
        const dnnl_dims_t sizes = {out_g, in_g, s->kernel_h, s->kernel_w};
        return layout_init(l, 4, sizes, type, plain ? dnnl_oihw : dnnl_format_tag_any);
    }
    const dnnl_dims_t sizes = {s->groups, out_g, in_g, s->kernel_h, s->kernel_w};
    return layout_init(l, 5, sizes, type, plain ? dnnl_goihw : dnnl_format_tag_any);
}

// The layouts of one convolution: two of them factors, the third the result.
struct tensors {
    struct layout x, w, y;
};

struct place {
    dnnl_dims_t strides, dilates, before, after; // dilates: taps left out; pads before and after
};

#if DNNL_VERSION_MAJOR < 3

static dnnl_primitive_desc_t create(dnnl_engine_t engine, const_dnnl_primitive_attr_t attr,
                                    enum direction direction, const struct tensors *t,
                                    const struct place *at, const_dnnl_primitive_desc_t hint)
{
    dnnl_convolution_desc_t op;
    dnnl_status_t status = dnnl_invalid_arguments;
    if (direction == FORWARD)
        status = dnnl_dilated_convolution_forward_desc_init(
            &op, dnnl_forward_training, dnnl_convolution_direct, ref(&t->x), ref(&t->w), NULL,
            ref(&t->y), at->strides, at->dilates, at->before, at->after);
    else if (direction == BACKWARD_DATA)
        status = dnnl_dilated_convolution_backward_data_desc_init(
            &op, dnnl_convolution_direct, ref(&t->x), ref(&t->w), ref(&t->y), at->strides,
            at->dilates, at->before, at->after);
    else
        status = dnnl_dilated_convolution_backward_weights_desc_init(
            &op, dnnl_convolution_direct, ref(&t->x), ref(&t->w), NULL, ref(&t->y), at->strides,
            at->dilates, at->before, at->after);
    dnnl_primitive_desc_t plan = NULL;
    if (status != dnnl_success ||
        dnnl_primitive_desc_create(&plan, &op, attr, engine, hint) != dnnl_success)
        return NULL;
    return plan;
}

#else

static dnnl_primitive_desc_t create(dnnl_engine_t engine, const_dnnl_primitive_attr_t attr,
                                    enum direction direction, const struct tensors *t,
                                    const struct place *at, const_dnnl_primitive_desc_t hint)
{
    dnnl_primitive_desc_t plan = NULL;
    dnnl_status_t status = dnnl_invalid_arguments;
    if (direction == FORWARD)
        status = dnnl_convolution_forward_primitive_desc_create(
            &plan, engine, dnnl_forward_training, dnnl_convolution_direct, ref(&t->x), ref(&t->w),
            NULL, ref(&t->y), at->strides, at->dilates, at->before, at->after, attr);
    else if (direction == BACKWARD_DATA)
        status = dnnl_convolution_backward_data_primitive_desc_create(
            &plan, engine, dnnl_convolution_direct, ref(&t->x), ref(&t->w), ref(&t->y), at->strides,
            at->dilates, at->before, at->after, hint, attr);
    else
        status = dnnl_convolution_backward_weights_primitive_desc_create(
            &plan, engine, dnnl_convolution_direct, ref(&t->x), ref(&t->w), NULL, ref(&t->y),
            at->strides, at->dilates, at->before, at->after, hint, attr);
    return status == dnnl_success ? plan : NULL;
}

#endif

static bool slow(const_dnnl_primitive_desc_t plan)
{
    const char *name = "ref";
    dnnl_primitive_desc_query(plan, dnnl_query_impl_info_str, 0, &name);
    return !strncmp(name, "ref", 3);
}

struct dnnl_primitive_desc *plan_conv(struct dnnl_engine *engine,
                                      const struct dnnl_primitive_attr *attr,
                                      const struct conv_shape *s, enum operand operand,
                                      enum direction direction,
                                      const struct dnnl_primitive_desc *hint)
{
    dnnl_data_type_t factor = operand == OPERAND_BF16 ? dnnl_bf16 : dnnl_f32;
    dnnl_data_type_t types[3] = {factor, factor, factor}; // of x, w, y
    types[direction == FORWARD ? 2 : direction == BACKWARD_DATA ? 0 : 1] = dnnl_f32;
    const struct place at = {{s->stride_h, s->stride_w},
                             {s->dilation_h - 1, s->dilation_w - 1},
                             {s->pad_top, s->pad_left},
                             {s->pad_bottom, s->pad_right}};
    struct tensors t = {0};
    dnnl_primitive_desc_t plan = NULL;
    if (map_layout(&t.x, s, false, types[0]) && weights_layout(&t.w, s, types[1], false) &&
        map_layout(&t.y, s, true, types[2]))
        plan = create(engine, attr, direction, &t, &at, hint);
    layout_fini(&t.x);
    layout_fini(&t.w);
    layout_fini(&t.y);
    if (plan && slow(plan)) {
        dnnl_primitive_desc_destroy(plan);
        plan = NULL;
    }
    return plan;
}

static layout_ref arg_layout(const_dnnl_primitive_desc_t plan, int arg)
{
    return dnnl_primitive_desc_query_md(plan, dnnl_query_exec_arg_md, arg);
}

struct dnnl_primitive_desc *plan_reorder(struct dnnl_engine *engine,
                                         const struct dnnl_primitive_attr *attr,
                                         const struct conv_shape *shape,
                                         const struct dnnl_primitive_desc *plan, int arg, bool pack)
{
    struct layout plain = {0};
    dnnl_primitive_desc_t reorder = NULL;
    if (weights_layout(&plain, shape, dnnl_f32, true)) {
        layout_ref packed = arg_layout(plan, arg);
        if (dnnl_reorder_primitive_desc_create(&reorder, pack ? ref(&plain) : packed, engine,
                                               pack ? packed : ref(&plain), engine,
                                               attr) != dnnl_success)
            reorder = NULL;
    }
    layout_fini(&plain);
    return reorder;
}

size_t plan_arg_bytes(const struct dnnl_primitive_desc *plan, int arg)
{
    return dnnl_memory_desc_get_size(arg_layout(plan, arg));
}

struct dnnl_memory *plan_arg(const struct dnnl_primitive_desc *plan, struct dnnl_engine *engine,
                             int arg, void *data)
{
    dnnl_memory_t memory = NULL;
    if (dnnl_memory_create(&memory, arg_layout(plan, arg), engine, data) != dnnl_success)
        return NULL;
    return memory;
}

// Those that oneDNN 2 and 3 both know; others by their bits.
static void name_isa(char *text, size_t n)
{
    static const struct {
        dnnl_cpu_isa_t isa;
        const char *name;
    } names[] = {
        {dnnl_cpu_isa_sse41, "sse41"},
        {dnnl_cpu_isa_avx, "avx"},
        {dnnl_cpu_isa_avx2, "avx2"},
        {dnnl_cpu_isa_avx2_vnni, "avx2_vnni"},
        {dnnl_cpu_isa_avx512_core, "avx512_core"},
        {dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"},
        {dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"},
        {dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx"},
    };
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    snprintf(text, n, "isa 0x%x", (unsigned)isa);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].isa == isa)
            snprintf(text, n, "%s", names[i].name);
}

// Of the library that is loaded, not of its header. Instructions and hints change the order of
// sums, so that the same training gives other weights.
const char *plan_version(void)
{
    static char text[96]; // the same at every call
    const dnnl_version_t *version = dnnl_version();
    char isa[32];
    name_isa(isa, sizeof isa);
    snprintf(text, sizeof text, "oneDNN %d.%d.%d %s%s", version->major, version->minor,
             version->patch, isa,
             dnnl_get_cpu_isa_hints() == dnnl_cpu_isa_prefer_ymm ? " prefer_ymm" : "");
    return text;
}
