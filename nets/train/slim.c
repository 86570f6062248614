#include "nets/train/slim.h"

#include <string.h>

#include "nets/net.h"
#include "nets/weights.h"
#include "base/err.h"

bool slim_check(const struct net *wide, struct err *err)
{
    for (size_t i = 1; i < wide->n; i++) {
        const struct layer *l = &wide->layers[i];
        if (l->groups > 1)
            return err_set(
                err,
                "net '%s': layer '%s' has %d groups, whose channels move with the "
                "width, so that sub-nets cannot share them; a super-net requires groups: 1",
                wide->name, l->name, l->groups);
        if (l->kind == LAYER_CONCAT)
            return err_set(err,
                           "net '%s': '%s' joins channels, which move with the widths of those "
                           "before them, so that sub-nets cannot share them",
                           wide->name, l->name);
        if (l->kind == LAYER_ADD && wide->pad_both)
            return err_set(err,
                           "net '%s': the shortcut to '%s' pads on both sides, which moves its "
                           "channels with the width; a super-net requires shortcut_pad: end",
                           wide->name, l->name);
    }
    return true;
}

static bool same_but_widths(const struct layer *a, const struct layer *b)
{
    return a->kind == b->kind && a->n_inputs == b->n_inputs && a->input[0] == b->input[0] &&
           a->input[1] == b->input[1] && a->out_h == b->out_h && a->out_w == b->out_w &&
           a->kernel_h == b->kernel_h && a->kernel_w == b->kernel_w && a->stride_h == b->stride_h &&
           a->stride_w == b->stride_w && a->pad_top == b->pad_top && a->pad_left == b->pad_left &&
           a->pad_bottom == b->pad_bottom && a->pad_right == b->pad_right &&
           a->dilation_h == b->dilation_h && a->dilation_w == b->dilation_w &&
           a->count_pad == b->count_pad && a->groups == b->groups && a->bn == b->bn &&
           a->tokens == b->tokens;
}

bool slim_fits(const struct net *wide, const struct net *narrow, struct err *err)
{
    bool same = wide->n == narrow->n && wide->form == narrow->form &&
                wide->classes == narrow->classes &&
                wide->layers[0].out_c == narrow->layers[0].out_c;
    for (size_t i = 0; i < wide->n && same; i++)
        same = same_but_widths(&wide->layers[i], &narrow->layers[i]);
    if (!same)
        return err_set(err,
                       "net '%s' (%s) is not '%s' (%s) at other widths; a super-net has sub-nets "
                       "of its own kind alone",
                       narrow->name, net_form_names[narrow->form], wide->name,
                       net_form_names[wide->form]);
    for (size_t i = 0; i < wide->n; i++)
        if (narrow->layers[i].out_c > wide->layers[i].out_c)
            return err_set(err,
                           "layer '%s' of the sub-net has %d outputs, the super-net's has %d; "
                           "choose a smaller width",
                           narrow->layers[i].name, narrow->layers[i].out_c, wide->layers[i].out_c);
    return true;
}

// One array of a layer in both nets: `rows` of the narrow one's `n` values each are the first of
// `stride` in the wide one.
struct share {
    float *wide, *narrow;
    size_t rows, n, stride;
};

enum { SHARES = 4 };

// Inputs are the slowest of a row's indices, so that the first of them are its first values.
static void list_shares(const struct layer *wide, const struct layer_weights *w,
                        const struct layer *narrow, const struct layer_weights *n,
                        struct share shares[SHARES])
{
    size_t channels = (size_t)narrow->out_c;
    size_t row = (size_t)narrow->weights / channels;
    size_t stride = (size_t)wide->weights / (size_t)wide->out_c;
    shares[0] = (struct share){w->w, n->w, channels, row, stride};
    shares[1] = (struct share){w->bias, n->bias, 1, channels, 0};
    shares[2] = (struct share){w->gamma, n->gamma, 1, channels, 0};
    shares[3] = (struct share){w->beta, n->beta, 1, channels, 0};
}

void slim_gather(const struct net *wide, const struct weights *from, const struct net *narrow,
                 struct weights *to)
{
    for (size_t i = 1; i < narrow->n; i++) {
        struct share shares[SHARES];
        list_shares(&wide->layers[i], &from->layers[i], &narrow->layers[i], &to->layers[i], shares);
        to->layers[i].bn_eps = from->layers[i].bn_eps;
        for (const struct share *s = shares; s < shares + SHARES; s++)
            for (size_t r = 0; s->narrow && r < s->rows; r++)
                memcpy(s->narrow + r * s->n, s->wide + r * s->stride, s->n * sizeof *s->narrow);
    }
}

void slim_add(const struct net *narrow, const struct weights *from, const struct net *wide,
              struct weights *to)
{
    for (size_t i = 1; i < narrow->n; i++) {
        struct share shares[SHARES];
        list_shares(&wide->layers[i], &to->layers[i], &narrow->layers[i], &from->layers[i], shares);
        for (const struct share *s = shares; s < shares + SHARES; s++)
            for (size_t r = 0; s->narrow && r < s->rows; r++)
                for (size_t k = 0; k < s->n; k++)
                    s->wide[r * s->stride + k] += s->narrow[r * s->n + k];
    }
}

size_t slim_layers(const struct net *net)
{
    size_t n = 0;
    for (size_t i = 1; i < net->n; i++)
        n += net->layers[i].scalable;
    return n;
}

void slim_widths(const struct net *net, int *widths)
{
    for (size_t i = 1; i < net->n; i++)
        if (net->layers[i].scalable)
            *widths++ = net->layers[i].out_c;
}
