// bitline-mpi [JOB]: bitline search that evaluates its candidates on MPI ranks.
#include <stdio.h>
#include <string.h>

#include "tools/cli/cmd.h"
#include "tools/cli/options.h"
#include "tools/cli/memory.h"
#include "tools/cli/process.h"
#include "tools/search/mpi_workers.h"
#include "tools/search/mpi_bridge.h"
#include "tools/cli/search_command.h"
#include "tools/study/version.h"

static const char doc[] =
    "bitline search over MPI: rank 0 runs the search, every other rank evaluates one candidate at "
    "a "
    "time. Start it with mpirun. The result equals that of bitline search for any number of "
    "ranks.\v"
    "Rank 0 trains (stages a and c, and tuning of a super-net) with as many threads as the job's "
    "key jobs says; start mpirun with --bind-to none so that it can use them. All ranks read the "
    "same files: job, network, images, DIR. A worker that dies loses only its candidate. If a rank "
    "or mpirun dies, continue with --resume, here or in bitline search. A single rank also "
    "evaluates candidates.\n\n"
    "Examples:\n"
    "  mpirun -n 5 bitline-mpi search-resnet20\n"
    "  mpirun -n 5 bitline-mpi search-resnet20 --agent nsga2 --out front\n"
    "  mpirun -n 5 bitline-mpi search-resnet20 --agent nsga2 --out front --resume\n"
    "  mpirun --bind-to none --hostfile hosts bitline-mpi my-job.yaml --stage a";

struct typed {
    int argc;
    char **argv;
};

static struct search *open_search(void *context, struct err *err)
{
    const struct typed *t = context;
    const struct search_command judge = {.workers = 1};
    return search_command_open(t->argc, t->argv, &judge, err);
}

static int side(void *context, const struct line *line)
{
    static char name[] = "bitline-mpi";
    struct typed *t = context;
    struct line mine = *line;
    struct search_command drive = {.doc = doc, .workers = 1};
    t->argv[0] = name;
    if (line->rank > 0) {
        ranks_serve(line, open_search, t);
        return EXIT_OK;
    }
    if (t->argc == 2 && !strcmp(t->argv[1], "--version")) {
        puts("bitline-mpi " BITLINE_VERSION);
        return cli_finish(EXIT_OK);
    }
    if (line->ranks > 1) {
        drive.workers = line->ranks - 1;
        drive.start_workers = mpi_workers_start;
        drive.context = &mine;
    }
    return search_command(t->argc, t->argv, &drive);
}

int main(int argc, char **argv)
{
    struct typed typed = {argc, argv};
    memory_start();
    process_init();
    options_short_help(argc, argv);
    return relay_run(side, &typed);
}
