// Message between the processes of an MPI search: a kind, a rank, some bytes. Small enough for one
// atomic write to a pipe.
#pragma once
#include <stdbool.h>

enum frame_kind {
    FRAME_PLACE,  // to a new process: its rank; the number of ranks
    FRAME_BEGIN,  // to a rank: the hash of the search
    FRAME_TASK,   // to a rank
    FRAME_ANSWER, // from a rank
    FRAME_DIED,   // from a rank: the worker of the task died; a new one has started
    FRAME_LOST,   // from a rank: it has no workers any more
    FRAME_END,    // to a rank, and back from it: the last message
};

enum { FRAME_MOST = 4096 - 3 * sizeof(int) }; // bytes

struct frame {
    int kind;
    int rank; // destination or source
    int size;
    char bytes[FRAME_MOST];
};

// Blocking. False: the other end is closed.
bool frame_send(int fd, const struct frame *frame);
bool frame_receive(int fd, struct frame *frame);
int frame_length(const struct frame *frame); // bytes to be sent

void frame_fill(struct frame *frame, enum frame_kind kind, int rank, const void *bytes, int size);
