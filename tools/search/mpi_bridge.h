// Ranks of an MPI job, each of two processes: the MPI process only relays messages; the working
// process, forked from it before MPI starts, does the work and may fork freely. The only user of
// <mpi.h>, linked into an executable of its own.
#pragma once

// Pipe ends of the working process; they carry frames. Rank 0 exchanges them with the rank that a
// frame names, the other ranks with rank 0.
struct line {
    int in, out;
    int rank, ranks;
};

// Runs `side` in the working process, which exits with its return value. All ranks end when rank
// 0's working process does, with its exit code. The return values of other ranks are ignored; if
// one of their working processes dies, rank 0 receives FRAME_LOST.
int relay_run(int (*side)(void *context, const struct line *line), void *context);
