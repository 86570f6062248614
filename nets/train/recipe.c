#include "nets/train/recipe.h"

#include <limits.h>
#include <string.h>

#include "nets/net.h"
#include "base/text.h"

static const char *const keep_names[] = {"last", "best", NULL};
static const char *const sign_gradient_names[] = {"whole", "scaled", NULL};

#define AT(member) .offset = offsetof(struct distill, member)
static const struct conf_field distill_fields[] = {
    {"net", CONF_STR, AT(net), .help = "the teacher: a name, or a file"},
    {"form", CONF_ENUM, AT(form), .names = net_form_names, .optional = true,
     .present = offsetof(struct distill, has_form),
     .help = "number format of the teacher; default: its own"},
    {"width", CONF_STR, AT(width), .optional = true, .help = "of the teacher, such as 3x"},
    {"weights", CONF_STR, AT(weights),
     .help = "a safetensors file that fits the teacher, or a name"},
    {"weight", CONF_NUM, AT(weight), .min = 0, .max = 1, .fallback = "0.5",
     .help = "the teacher's share of the targets; the labels have the rest"},
    {"temperature", CONF_NUM, AT(temperature), .min = 0.01, .max = 1000, .fallback = "1",
     .help = "softens the teacher's predictions"},
    {0},
};
#undef AT

const char *const recipe_redraw_names[] = {"never", "epoch", "step", NULL};

#define AT(member) .offset = offsetof(struct recipe_perturb, member)
static const struct conf_field perturb_fields[] = {
    {"variation", CONF_BOOL, AT(variation), .fallback = "false",
     .help = "resistances that spread and drift (defects.sigma, drift_*)"},
    {"stuck", CONF_BOOL, AT(stuck), .fallback = "false",
     .help = "stuck cells and open lines (defects.stuck_lrs, stuck_hrs, word_lines, bit_lines)"},
    {"adc", CONF_BOOL, AT(adc), .fallback = "false",
     .help = "sums of every read-out rounded and clipped as the ADC does"},
    {"redraw", CONF_ENUM, AT(redraw), .names = recipe_redraw_names, .fallback = "epoch",
     .help = "when another chip is sampled; never: one chip, eval's first of the same seed"},
    {0},
};
#undef AT

#define AT(member) .offset = offsetof(struct recipe_checkpoint, member)
static const struct conf_field checkpoint_fields[] = {
    {"steps", CONF_INT, AT(steps), .min = 0, .max = INT_MAX, .fallback = "0",
     .help = "write one after so many; 0: not by steps"},
    {"seconds", CONF_INT, AT(seconds), .min = 0, .max = 1000000, .fallback = "60",
     .help = "write one after so many; 0: not by time"},
    {0},
};
#undef AT

#define AT(member) .offset = offsetof(struct recipe, member)
#define HAS(member) .present = offsetof(struct recipe, member)
const struct conf_field recipe_fields[] = {
    {"kind", CONF_STR, AT(kind), .fallback = "train",
     .help = "marks the file as a job of bitline train"},
    {"name", CONF_STR, AT(name),
     .help = "name of the job and its folder: at most 80 letters, digits, '.', '_' and '-'"},
    {"description", CONF_TEXT, AT(description), .fallback = "", .help = "free text"},
    {"net", CONF_STR, AT(net), .help = "a name, or a file"},
    {"form", CONF_ENUM, AT(form), .names = net_form_names, .optional = true, HAS(has_form),
     .help = "number format of the net; default: the net's own"},
    {"width", CONF_STR, AT(width), .optional = true, .help = "widens all layers, such as 3x"},
    {"widths", CONF_INTS, AT(widths), .min = 1, .max = 1 << 20, .optional = true,
     .help = "output channels layer by layer"},
    {"set", CONF_NODE, AT(set), .optional = true, .word = "a map of PATH: VALUE",
     .help = "keys of the net (net.PATH) with other values"},
    {"data", CONF_STR, AT(data), .optional = true,
     .help = "cifar10:DIR, mnist:DIR, fashion:DIR, synth, synth32; default: generated images"},
    {"images", CONF_INT, AT(images), .min = 1, .max = 10000000, .word = "all", .fallback = "all",
     .help = "the first of the training images"},
    {"test_images", CONF_INT, AT(test_images), .min = 1, .max = 10000000, .word = "all",
     .fallback = "all", .help = "the first of the test images, for the final report only"},
    {"epochs", CONF_INT, AT(epochs), .min = 0, .max = 1000000,
     .help = "passes over the images; 0: what init gives, batch-norm estimated with bn_batches"},
    {"epoch_images", CONF_INT, AT(epoch_images), .min = 1, .max = 10000000, .word = "all",
     .fallback = "all", .help = "images per epoch, others each time, of those not held out"},
    {"batch", CONF_INT, AT(batch), .min = 1, .max = 65536, .fallback = "128",
     .help = "images per step; an epoch drops an incomplete batch"},
    {"shard", CONF_INT, AT(shard), .min = 1, .max = 65536, .fallback = "16",
     .help = "images that a thread processes at once; sums are per shard"},
    {"seed", CONF_INT, AT(seed), .min = 0, .max = INT_MAX, .fallback = "1",
     .help = "of first weights, held-out images, order and augmentation"},
    {"held_out", CONF_NUM, AT(held_out), .min = 0, .max = 0.9, .fallback = "0.1",
     .help = "fraction of the training images held out for validation"},
    {"keep", CONF_ENUM, AT(keep), .names = keep_names, .fallback = "last",
     .help = "weights of the last epoch, or of the one that did best on held-out images"},
    {"bn_batches", CONF_INT, AT(bn_batches), .min = 0, .max = 1000000, .fallback = "0",
     .help = "batches to re-estimate batch-norm after each epoch; 0: running means"},
    {"backend", CONF_STR, AT(backend), .fallback = "auto", .help = "auto, reference or onednn"},
    {"precision", CONF_ENUM, AT(precision), .names = operand_names, .fallback = "f32",
     .help = "of the factors of products; sums and weights are f32"},
    {"sign_gradient", CONF_ENUM, AT(sign_gradient), .names = sign_gradient_names,
     .fallback = "whole",
     .help = "binary: a weight's gradient is that of scale * sign (whole; HAWIS, DoReFa), or that "
             "of its sign alone, which is so much smaller (scaled)"},
    {"init", CONF_STR, AT(init), .optional = true,
     .help = "initial weights, a file or a name; default: random, normal (He et al., 2015)"},
    {"init_width", CONF_STR, AT(init_width), .optional = true,
     .help = "init is a super-net's of this width (4x) or these (64,80): its first channels are "
             "taken"},
    {"optimiser", CONF_SECTION, AT(optimiser), .fields = optimiser_fields, .help = "the steps"},
    {"schedule", CONF_SECTION, AT(schedule), .fields = schedule_fields,
     .help = "of the learning rate"},
    {"augment", CONF_SECTION, AT(augment), .fields = augment_fields,
     .help = "augmentation of training images"},
    {"label_smoothing", CONF_NUM, AT(label_smoothing), .min = 0, .max = 1, .fallback = "0",
     .help = "share of the target that is spread over all classes"},
    {"clip", CONF_NUM, AT(clip), .min = 0, .max = 1e9, .fallback = "0",
     .help = "maximum gradient norm; 0 disables clipping"},
    {"two_side", CONF_SECTION, AT(two_side), .fields = two_side_fields, .optional = true,
     HAS(has_two_side), .help = "pulls weights to +-w0 (HAWIS, Eq. 4)"},
    {"distill", CONF_SECTION, AT(distill), .fields = distill_fields, .optional = true,
     HAS(has_distill), .help = "learns from a trained net, too"},
    {"supernet", CONF_SECTION, AT(supernet), .fields = slim_fields, .optional = true,
     HAS(has_supernet),
     .help = "trains nets of many widths that share weights; this is the widest"},
    {"chip", CONF_STR, AT(chip), .optional = true,
     .help = "the chip to train for, with perturb: a name, or a file"},
    {"chip_set", CONF_NODE, AT(chip_set), .optional = true, .word = "a map of PATH: VALUE",
     .help = "keys of the chip with other values, such as {defects.stuck_hrs: 0.05}"},
    {"perturb", CONF_SECTION, AT(perturb), .fields = perturb_fields, .optional = true,
     HAS(has_perturb),
     .help = "chip effects included in training; gradients pass straight through"},
    {"checkpoint", CONF_SECTION, AT(checkpoint), .fields = checkpoint_fields,
     .help = "how often the state is saved"},
    {0},
};
#undef AT
#undef HAS

// Of what is done meanwhile, the result knows nothing; the images themselves are the owner's to
// name.
static bool is_silent(const struct conf_field *field)
{
    return field->kind == CONF_STR || field->kind == CONF_NAME || field->kind == CONF_TEXT ||
           field->kind == CONF_NODE || field->fields == checkpoint_fields ||
           !strcmp(field->key, "images");
}

static bool is_absent(const struct conf_field *field, const char *from)
{
    const struct conf_ints *list = (const void *)(from + field->offset);
    return (field->present && !*(const bool *)(from + field->present)) ||
           (field->kind == CONF_INTS && list->n == 0);
}

static void print_fields(const struct conf_field *fields, const char *prefix, const char *from,
                         FILE *out)
{
    for (const struct conf_field *f = fields; f->key; f++) {
        const char *at = from + f->offset;
        char text[40];
        if (is_silent(f) || is_absent(f, from))
            continue;
        if (f->kind == CONF_SECTION) {
            print_fields(f->fields, f->key, at, out);
            continue;
        }
        fprintf(out, "%s%s%s", prefix, *prefix ? "." : "", f->key);
        if (f->kind == CONF_BOOL)
            fprintf(out, " %s\n", *(const bool *)at ? "true" : "false");
        else if (f->kind == CONF_INT)
            fprintf(out, " %d\n", *(const int *)(const void *)at);
        else if (f->kind == CONF_ENUM)
            fprintf(out, " %s\n", f->names[*(const int *)(const void *)at]);
        else if (f->kind == CONF_NUM)
            fprintf(out, " %s\n",
                    text_double(text, sizeof text, *(const double *)(const void *)at));
        else {
            const struct conf_ints *list = (const void *)at;
            for (size_t i = 0; i < list->n; i++)
                fprintf(out, " %d", list->v[i]);
            fputc('\n', out);
        }
    }
}

void recipe_print(const struct recipe *recipe, FILE *out)
{
    print_fields(recipe_fields, "", (const char *)recipe, out);
}
