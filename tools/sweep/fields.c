// The keys of a job file.
#include <limits.h>

#include "nets/net.h"
#include "tools/sweep/job.h"

#define AT(member) .offset = offsetof(struct job_axis, member)
static const struct conf_field axis_fields[] = {
    {"path", CONF_STR, AT(path),
     .help = "sa0, sa1, sigma, a key of the chip, or net. and one of the net"},
    {"from", CONF_NUM, AT(from), .optional = true, .present = offsetof(struct job_axis, has_from),
     .help = "first value; with to and step, in place of values"},
    {"to", CONF_NUM, AT(to), .optional = true, .present = offsetof(struct job_axis, has_to),
     .help = "last value, if the steps meet it"},
    {"step", CONF_NUM, AT(step), .optional = true, .present = offsetof(struct job_axis, has_step),
     .help = "from one value to the next"},
    {"values", CONF_NODE, AT(list), .optional = true, .word = "a list of values",
     .help = "each in the syntax of --set, with its unit"},
    {0},
};
#undef AT

#define AT(member) .offset = offsetof(struct job_stop, member)
static const struct conf_field stop_fields[] = {
    {"interval", CONF_NUM, AT(interval), .min = 1e-9, .max = 1,
     .help = "half of the 95 % interval of the accuracy, 0.005 for half a point"},
    {"least", CONF_INT, AT(least), .min = 2, .max = JOB_MAX_TRIALS, .fallback = "3",
     .help = "minimum number of trials; the rule reads them in order and discards later ones"},
    {0},
};
#undef AT

#define AT(member) .offset = offsetof(struct job, member)
#define HAS(member) .present = offsetof(struct job, member)
const struct conf_field job_fields[] = {
    {"kind", CONF_STR, AT(kind), .fallback = "sweep",
     .help = "marks the file as a job of bitline sweep"},
    {"name", CONF_STR, AT(name),
     .help = "name of the job and its folder: at most 80 letters, digits, '.', '_' and '-'"},
    {"description", CONF_TEXT, AT(description), .fallback = "", .help = "free text"},
    {"chip", CONF_STR, AT(chip), .help = "a name, or a file"},
    {"net", CONF_STR, AT(net), .help = "a name, or a file"},
    {"form", CONF_ENUM, AT(form), .names = net_form_names, .optional = true, HAS(has_form),
     .help = "number format of the net; default: the net's own"},
    {"width", CONF_STR, AT(width), .optional = true, .help = "widens all layers, such as 3x"},
    {"widths", CONF_INTS, AT(widths), .min = 1, .max = 1 << 20, .optional = true,
     .help = "output channels layer by layer"},
    {"weights", CONF_STR, AT(weights),
     .help = "a safetensors file that fits the net, or a name of 'list weights'"},
    {"data", CONF_STR, AT(data), .optional = true,
     .help = "cifar10:DIR, mnist:DIR, fashion:DIR, synth, synth32; default: generated images"},
    {"images", CONF_INT, AT(images), .min = 1, .max = 10000000, .word = "all", .fallback = "all",
     .help = "the first of the test images"},
    {"trials", CONF_INT, AT(trials), .min = 1, .max = JOB_MAX_TRIALS, .fallback = "1",
     .help = "sampled chips at every point, the same ones at each"},
    {"seed", CONF_INT, AT(seed), .min = 0, .max = INT_MAX, .fallback = "1",
     .help = "of mapping and faults"},
    {"jobs", CONF_INT, AT(jobs), .min = 1, .max = 256, .fallback = "1",
     .help = "worker processes; the result is the same"},
    {"sa0", CONF_NUM, AT(sa0), .min = 0, .max = 1, .fallback = "0",
     .help = "fraction of cells stuck at low resistance, if not swept"},
    {"sa1", CONF_NUM, AT(sa1), .min = 0, .max = 1, .fallback = "0",
     .help = "fraction of cells stuck at high resistance, if not swept"},
    {"mend", CONF_STR, AT(mend_words), .fallback = "none",
     .help = "fault mitigation for every sampled chip: bn, gain, spares, comma-separated; or none"},
    {"mend_images", CONF_INT, AT(mend_images), .min = 1, .max = 10000000, .fallback = "256",
     .help = "training images for bn"},
    {"set", CONF_NODE, AT(set), .optional = true, .word = "a map of PATH: VALUE",
     .help = "overrides of keys of the chip, or of the net (net.PATH)"},
    {"sweep", CONF_SECTIONS, AT(sweep), .fields = axis_fields, .size = sizeof(struct job_axis),
     .help = "swept paths; all combinations of several, the first varies slowest"},
    {"stop", CONF_SECTION, AT(stop), .fields = stop_fields, .optional = true, HAS(has_stop),
     .help = "ends a point before all trials are done"},
    {0},
};
