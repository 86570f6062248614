// What goes between the processes of a search over ranks: a kind, a rank, some bytes. Small enough
// for a pipe to take it in one piece.
#pragma once
#include <stdbool.h>

enum frame_kind {
    FRAME_PLACE,  // to a new process: its rank; the number of ranks
    FRAME_BEGIN,  // to a rank: the hash of the search that it is to judge for
    FRAME_TASK,   // to a rank
    FRAME_ANSWER, // from it
    FRAME_DIED,   // from it: the worker that had the task; there is a new one
    FRAME_LOST,   // from it: there will be no workers any more
    FRAME_END,    // to a rank, and back from it: its last
};

enum { FRAME_MOST = 4096 - 3 * sizeof(int) }; // bytes

struct frame {
    int kind;
    int rank; // to which it goes, or from which it comes
    int size;
    char bytes[FRAME_MOST];
};

// False when the other end is gone. They wait.
bool frame_send(int fd, const struct frame *frame);
bool frame_receive(int fd, struct frame *frame);
int frame_length(const struct frame *frame); // of what is to be sent of it, in bytes

void frame_fill(struct frame *frame, enum frame_kind kind, int rank, const void *bytes, int size);
