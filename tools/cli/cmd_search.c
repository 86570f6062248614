// bitline search [JOB]: better widths, by whom the job names.
#include "tools/cli/cmd.h"
#include "tools/cli/search_command.h"

static const char doc[] =
    "Search the widths of a net, layer by layer, for much accuracy at little energy, latency or "
    "area on a chip.\v"
    "Without JOB it is search-synth, which needs no data: a few minutes on two cores. Where "
    "accuracy comes from a super-net (HAWIS), stage a trains it into DIR/stage-a, stage b searches "
    "with it; stage c trains the best nets from scratch, where the job has a section final. Every "
    "candidate is in DIR/search.db as soon as it is judged: a search that was "
    "stopped or "
    "killed goes on with --resume and ends as an undisturbed one would.\n\n"
    "Examples:\n"
    "  bitline search\n"
    "  bitline search search-resnet20\n"
    "  bitline search search-resnet20 --agent nsga2 --episodes 2000 --out front\n"
    "  bitline search my-job.yaml --set reward.lambda=3 --jobs 2 --resume\n"
    "  bitline search my-job.yaml --stage a && bitline search my-job.yaml --resume";

int cmd_search(int argc, char **argv)
{
    static char name[] = "bitline search";
    static const struct search_command command = {.doc = doc};
    argv[0] = name;
    return search_command(argc, argv, &command);
}
