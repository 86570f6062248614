// A chip, a net and their mapping by name, for tests that look at what comes of them.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct chip;
struct mapping;
struct net;
struct result;
struct run_params;

struct setup {
    struct chip *chip;
    struct net *net;
    struct mapping *map;
};

// `sets`: "PATH=VALUE" for the chip or "net.PATH=VALUE", NULL-terminated, or NULL. `widths`: blank-
// separated, or "3x", or NULL. `form` NULL: the net's own. Fails the test with the message on
// error.
struct setup setup_make(const char *chip, const char *net, const char *form, const char *widths,
                        const char *const sets[]);
void setup_free(struct setup *setup);
// As above from the text of a net file.
struct setup setup_text(const char *chip, const char *net_text, const char *form,
                        const char *const sets[]);
// Runs it; fails the test on error. result_destroy() what comes back.
struct result *setup_run(const struct setup *setup, const struct run_params *params);
