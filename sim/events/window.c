// What an output token needs of an input channel, counted in tokens of that channel.
#include "nets/geometry.h"
#include "sim/events/sim_state.h"
#include "sim/map/map.h"

// Tokens among the rows above `row` and the first `columns` pixels of it.
static int64_t tokens_before(const struct channel *c, int row, int columns)
{
    int64_t tokens = (int64_t)c->is->rank[row] * c->is->per_row;
    if (columns > 0 && c->is->rank[row + 1] > c->is->rank[row])
        tokens += columns;
    return tokens;
}

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

static bool is_element_wise(const struct layer *l)
{
    return l->kind == LAYER_ADD || l->kind == LAYER_MULTIPLY;
}

int64_t window_needs(const struct run *run, const struct channel *c, int y, int x)
{
    int consumer = c->is->consumer;
    const struct layer *l = &run->net->layers[consumer];
    int step = run->net->layers[c->is->layer].out_h / (l->out_h ? l->out_h : 1);
    int rows = c->is->kind == CHANNEL_SHORTCUT ? y * step + 1
               : c->is->kind == CHANNEL_PSUM   ? y + 1
                                               : map_rows_needed(run->net, consumer, y);
    if (!run->windows || l->kind == LAYER_LINEAR)
        return tokens_before(c, rows, 0);
    int width = run->net->layers[c->is->layer].out_w, last;
    if (c->is->kind == CHANNEL_SHORTCUT)
        last = x * (width / l->out_w) + 1;
    else if (c->is->kind == CHANNEL_PSUM || is_element_wise(l))
        last = x + 1;
    else
        last = window_left(l, x) + extent_w(l);
    return tokens_before(c, rows - 1, clamp(last, 1, width));
}

// What the token after (y, x) no longer needs; (y, x) itself may be past the end.
int64_t window_done(const struct run *run, const struct channel *c, int y, int x)
{
    int consumer = c->is->consumer;
    const struct layer *l = &run->net->layers[consumer];
    int height = run->net->layers[c->is->layer].out_h;
    if (y >= l->out_h)
        return c->per_image;
    int step = height / (l->out_h ? l->out_h : 1);
    int rows = c->is->kind == CHANNEL_SHORTCUT ? y * step
               : c->is->kind == CHANNEL_PSUM   ? y
                                               : map_rows_free(run->net, consumer, y);
    if (!run->windows || l->kind == LAYER_LINEAR || rows >= height)
        return tokens_before(c, clamp(rows, 0, height), 0);
    int width = run->net->layers[c->is->layer].out_w, first;
    if (c->is->kind == CHANNEL_SHORTCUT)
        first = x * (width / l->out_w);
    else if (c->is->kind == CHANNEL_PSUM || is_element_wise(l))
        first = x;
    else // a row that the next output row needs as well stays complete
        first = map_rows_free(run->net, consumer, y + 1) > rows ? window_left(l, x) : 0;
    return tokens_before(c, rows, clamp(first, 0, width));
}
