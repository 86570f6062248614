// Everything in which oneDNN's C interface changed from 2 to 3: layouts, and the planning of
// convolutions and reorders. What is planned runs by calls that are the same in both (onednn.c).
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "nets/backend/backend.h"

struct dnnl_engine;
struct dnnl_memory;
struct dnnl_primitive_attr;
struct dnnl_primitive_desc;

enum direction { FORWARD, BACKWARD_DATA, BACKWARD_WEIGHTS };

// Maps are NHWC, weights in whatever layout suits the implementation; factors are operands, results
// floats. The hint is the forward plan (NULL for itself). NULL: nothing does it, or only the
// library's own slow reference.
struct dnnl_primitive_desc *plan_conv(struct dnnl_engine *engine,
                                      const struct dnnl_primitive_attr *attr,
                                      const struct conv_shape *shape, enum operand operand,
                                      enum direction direction,
                                      const struct dnnl_primitive_desc *hint);

// From floats, as in struct weights, to an argument of a plan (pack), or from there to floats.
struct dnnl_primitive_desc *plan_reorder(struct dnnl_engine *engine,
                                         const struct dnnl_primitive_attr *attr,
                                         const struct conv_shape *shape,
                                         const struct dnnl_primitive_desc *plan, int arg,
                                         bool pack);

// An argument of a plan: its bytes, and a handle of data, which may be NULL for now.
size_t plan_arg_bytes(const struct dnnl_primitive_desc *plan, int arg);
struct dnnl_memory *plan_arg(const struct dnnl_primitive_desc *plan, struct dnnl_engine *engine,
                             int arg, void *data);

const char *plan_version(void);
