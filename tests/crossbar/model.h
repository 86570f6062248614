// A small net with random weights on a chip, for tests of what arrays compute.
#pragma once
#include <stdint.h>

#include "nets/int_net.h"
#include "nets/kernels/kernels.h"
#include "tests/support/setup.h"

struct level_model;
struct int_net;
struct packed;
struct weights;

struct model {
    struct setup s;
    struct weights *weights;
    struct int_net *integer;
};

// A stem, a block that halves the map, a classifier of 10; images are 3x8x8. As setup_text.
struct model model_make(const char *chip, const char *form, const char *const sets[]);
// Another net, from the text of its file; its images must be 3x8x8 too.
struct model model_of(const char *chip, const char *net_text, const char *form,
                      const char *const sets[]);
void model_fold(struct model *m); // anew, from weights that changed
void model_free(struct model *m);
struct level_model *level_model_make(const struct model *m, double lrs, double hrs, uint64_t seed,
                                     enum cpu_level level);
uint32_t model_random(uint32_t *x);
void model_image(uint32_t *x, uint8_t image[192]);
// Fails the test unless the fast way gives the logits of a plain one on random images.
void expect_packed(const struct model *m, const struct packed *packed, int_net_matrix *matrix,
                   void *context);
