#include "tools/search/mpi_bridge.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpi.h>

#include "tools/study/child.h"
#include "tools/study/exit_codes.h"
#include "tools/search/message.h"

// MPI can only be polled for messages; a rank that polled without pauses would take a core from its
// own worker.
enum { NAP_MS = 1 };

struct child {
    pid_t pid;
    int to, from; // -1: closed
};

// SimGrid also has functions with MPI's names; the link order decides which are called.
static bool right_library(void)
{
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int length = 0;
    MPI_Get_library_version(text, &length);
    if (!strstr(text, "SMPI"))
        return true;
    fprintf(stderr, "bitline-mpi: linked to SimGrid's MPI, not to the machine's: libmpi must "
                    "come before libsimgrid; build it again\n");
    return false;
}

static _Noreturn void live(int (*side)(void *, const struct line *), void *context, pid_t parent,
                           int in, int out)
{
    struct frame place;
    struct line line = {.in = in, .out = out};
    child_die_with(parent);
    if (!frame_receive(in, &place))
        _exit(0); // MPI did not begin
    line.rank = place.rank;
    memcpy(&line.ranks, place.bytes, sizeof line.ranks);
    exit(side(context, &line));
}

static bool start(struct child *c, int (*side)(void *, const struct line *), void *context)
{
    int down[2] = {-1, -1}, up[2] = {-1, -1};
    pid_t parent = getpid();
    c->pid = child_pipe(down) && child_pipe(up) ? child_fork() : -1;
    if (c->pid < 0) {
        fprintf(stderr, "bitline-mpi: cannot start a process: %s\n", strerror(errno));
        return false;
    }
    if (c->pid == 0) {
        close(down[1]);
        close(up[0]);
        live(side, context, parent, down[0], up[1]);
    }
    close(down[0]);
    close(up[1]);
    c->to = down[1];
    c->from = up[0];
    return true;
}

// Exit status, from waitpid.
static int reap(struct child *c)
{
    int status = child_wait(c->pid);
    close(c->to);
    close(c->from);
    c->to = c->from = -1;
    return status;
}

static bool ready(int fd, short events, int timeout_ms)
{
    struct pollfd polled = {.fd = fd, .events = events};
    return poll(&polled, 1, timeout_ms) > 0;
}

static bool arrived(void)
{
    int flag = 0;
    MPI_Iprobe(MPI_ANY_SOURCE, 0, MPI_COMM_WORLD, &flag, MPI_STATUS_IGNORE);
    return flag;
}

static void send_to(int rank, const struct frame *frame)
{
    MPI_Send(frame, frame_length(frame), MPI_BYTE, rank, 0, MPI_COMM_WORLD);
}

// Sets the frame's rank to its source, as the working process expects.
static void receive(struct frame *frame)
{
    MPI_Status status;
    MPI_Recv(frame, (int)sizeof *frame, MPI_BYTE, MPI_ANY_SOURCE, 0, MPI_COMM_WORLD, &status);
    frame->rank = status.MPI_SOURCE;
}

// The other ranks also send END, so that no message is in transit when MPI ends.
static void end_all(int ranks)
{
    struct frame frame;
    frame_fill(&frame, FRAME_END, 0, NULL, 0);
    for (int r = 1; r < ranks; r++)
        send_to(r, &frame);
    for (int left = ranks - 1; left > 0; left -= frame.kind == FRAME_END) {
        while (!arrived())
            poll(NULL, 0, NAP_MS);
        receive(&frame);
    }
}

// Rank 0: until the driver process is done. Receives from MPI only if the pipe has capacity, so
// that the two ends cannot deadlock.
static int pass_for_driver(struct child *c, int ranks)
{
    struct frame frame;
    for (;;) {
        if (ready(c->from, POLLIN, NAP_MS)) {
            if (!frame_receive(c->from, &frame))
                break;
            send_to(frame.rank, &frame);
        }
        while (arrived() && ready(c->to, POLLOUT, 0)) {
            receive(&frame);
            frame_send(c->to, &frame); // its end is detected above
        }
    }
    int status = reap(c);
    if (WIFSIGNALED(status))
        fprintf(stderr, "bitline-mpi: the driver process was killed; continue with --resume\n");
    end_all(ranks);
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

static void pass_for_worker(struct child *c)
{
    struct frame frame;
    for (;;) {
        if (arrived()) {
            receive(&frame);
            if (frame.kind == FRAME_END)
                break;
            if (c->to >= 0)
                frame_send(c->to, &frame);
        } else if (ready(c->from, POLLIN, NAP_MS)) {
            if (!frame_receive(c->from, &frame)) {
                reap(c);
                frame_fill(&frame, FRAME_LOST, 0, NULL, 0);
            }
            send_to(0, &frame);
        }
    }
    if (c->to >= 0) {
        kill(c->pid, SIGKILL);
        reap(c);
    }
    send_to(0, &frame);
}

int relay_run(int (*side)(void *context, const struct line *line), void *context)
{
    struct child child;
    struct frame place;
    int rank, ranks, code = EXIT_OK;
    if (!right_library() || !start(&child, side, context))
        return EXIT_FAILED;
    // The driver process handles signals.
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    MPI_Init(NULL, NULL);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    frame_fill(&place, FRAME_PLACE, rank, &ranks, sizeof ranks);
    frame_send(child.to, &place);
    if (rank == 0)
        code = pass_for_driver(&child, ranks);
    else
        pass_for_worker(&child);
    MPI_Finalize();
    return code;
}
