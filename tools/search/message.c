#include "tools/search/message.h"

#include <assert.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "tools/study/pool.h"

static_assert(sizeof(struct frame) <= 4096, "a pipe writes no more atomically");

int frame_length(const struct frame *frame)
{
    return (int)offsetof(struct frame, bytes) + frame->size;
}

bool frame_send(int fd, const struct frame *frame)
{
    return pool_send(fd, frame, (size_t)frame_length(frame));
}

bool frame_receive(int fd, struct frame *frame)
{
    size_t head = offsetof(struct frame, bytes);
    return pool_receive(fd, frame, head) && frame->size >= 0 && frame->size <= FRAME_MOST &&
           pool_receive(fd, frame->bytes, (size_t)frame->size);
}

void frame_fill(struct frame *frame, enum frame_kind kind, int rank, const void *bytes, int size)
{
    assert(size >= 0 && size <= FRAME_MOST);
    frame->kind = (int)kind;
    frame->rank = rank;
    frame->size = size;
    if (size > 0)
        memcpy(frame->bytes, bytes, (size_t)size);
}
