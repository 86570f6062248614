// Ranks of an MPI job, each of two processes: one is MPI's and does nothing but pass frames on; the
// other, forked from it before MPI began, does the work and may fork as it likes. The only user of
// <mpi.h>, for an executable of its own.
#pragma once

// Of the process that works: what it reads and writes are frames. Rank 0's are to and from the rank
// that a frame names; those of others are to and from rank 0.
struct line {
    int in, out;
    int rank, ranks;
};

// Runs `side` in the process that works, which exits with its code. Everything ends when rank 0's
// does, with its code; what the others return counts nothing, and if one of them dies, rank 0 gets
// FRAME_LOST.
int relay_run(int (*side)(void *context, const struct line *line), void *context);
