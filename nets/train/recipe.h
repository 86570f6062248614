// Hyperparameters of a training job, as read from its YAML file, and the part its result depends
// on.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "nets/backend/backend.h"
#include "nets/train/augment.h"
#include "nets/train/optimise.h"
#include "nets/train/schedule.h"
#include "nets/train/slim_draw.h"
#include "base/conf/conf.h"

struct err;

enum recipe_keep { KEEP_LAST, KEEP_BEST };

struct distill {
    const char *net, *width, *weights;
    int form; // of net_form_names, if has_form
    bool has_form;
    double weight, temperature;
};

// Chip effects included in training (nets/perturb.h), and when another chip is sampled.
enum recipe_redraw { REDRAW_NEVER, REDRAW_EPOCH, REDRAW_STEP };
struct recipe_perturb {
    bool variation, stuck, adc;
    int redraw; // enum recipe_redraw
};

enum recipe_sign_gradient { SIGN_WHOLE, SIGN_SCALED };

struct recipe_checkpoint {
    int steps, seconds; // 0: not used; both: whichever comes first
};

struct recipe {
    const char *kind, *name, *description, *net, *width, *data, *init, *init_width;
    int form; // of net_form_names, if has_form
    bool has_form;
    struct conf_ints widths;
    const struct conf_node *set;
    int images, test_images; // -1: all
    int epochs, batch, shard, seed;
    int epoch_images; // -1 or 0: all that are not held out
    double held_out;
    int keep; // enum recipe_keep
    int bn_batches;
    const char *backend;
    int precision;     // enum operand
    int sign_gradient; // enum recipe_sign_gradient
    struct optimiser optimiser;
    struct schedule schedule;
    struct augment augment;
    double label_smoothing;
    double clip; // 0: none
    struct two_side two_side;
    bool has_two_side;
    struct distill distill;
    bool has_distill;
    struct slim_plan supernet;
    bool has_supernet;
    const char *chip; // with perturb
    const struct conf_node *chip_set;
    struct recipe_perturb perturb;
    bool has_perturb;
    struct recipe_checkpoint checkpoint;
};

extern const struct conf_field recipe_fields[];
extern const char *const recipe_redraw_names[];

// Lines "KEY VALUE" of all settings that the result depends on, in the order of the table: without
// names, descriptions, file names and intervals of checkpoints or output.
void recipe_print(const struct recipe *recipe, FILE *out);
