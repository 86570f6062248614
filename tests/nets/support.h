// Loading nets in tests: from the zoo, or from a text.
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "nets/net.h"

// The zoo's net with `key: value` set first (key NULL: as it is). Fails the test if it does not
// load.
struct net *zoo_net(const char *name, const char *key, const char *value,
                    const struct net_options *options);
// The net of a YAML text.
struct net *text_net(const char *yaml, const struct net_options *options);
// Fails the test unless loading the text fails with a message that holds `part`.
void expect_refusal(const char *yaml, const struct net_options *options, const char *part);
// Its layer of that name; fails the test if there is none.
const struct layer *layer_named(const struct net *net, const char *name);
