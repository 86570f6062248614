// bitline search [JOB]: a width search by the agent that the job names.
#include "tools/cli/cmd.h"
#include "tools/cli/search_command.h"

static const char doc[] =
    "Search for layer widths of a network that trade accuracy against energy, latency or area on a "
    "chip.\v"
    "The default JOB is search-synth, which needs no data and takes a few minutes on two cores. If "
    "accuracy comes from a super-net, as in HAWIS, stage a trains the super-net into DIR/stage-a "
    "and "
    "stage b searches with it. Stage c trains the best networks from scratch, if the job has a "
    "section final. Every evaluated candidate is stored in DIR/search.db at once; a search that "
    "was "
    "stopped or killed continues with --resume and gives the same result as an uninterrupted "
    "search.\n\n"
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
