#include "tests/nets/support.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/conf/conf.h"

struct net *zoo_net(const char *name, const char *key, const char *value,
                    const struct net_options *options)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.yaml", ZOO, name);
    struct err err = {0};
    struct net *net = NULL;
    struct conf *conf = conf_open(path, &err);
    if (!conf || (key && !conf_set(conf, key, value, &err)) || !net_load(conf, options, &net, &err))
        fail_msg("%s", err.text);
    conf_close(conf);
    return net;
}

struct net *text_net(const char *yaml, const struct net_options *options)
{
    struct err err = {0};
    struct net *net = NULL;
    struct conf *conf = conf_parse("net.yaml", yaml, strlen(yaml), &err);
    if (!conf || !net_load(conf, options, &net, &err))
        fail_msg("%s", err.text);
    conf_close(conf);
    return net;
}

void expect_refusal(const char *yaml, const struct net_options *options, const char *part)
{
    struct err err = {0};
    struct net *net = NULL;
    struct conf *conf = conf_parse("net.yaml", yaml, strlen(yaml), &err);
    if (!conf)
        fail_msg("%s", err.text);
    if (net_load(conf, options, &net, &err))
        fail_msg("loaded, instead of: %s", part);
    if (!strstr(err.text, part))
        fail_msg("'%s' does not hold '%s'", err.text, part);
    conf_close(conf);
}

const struct layer *layer_named(const struct net *net, const char *name)
{
    for (size_t i = 0; i < net->n; i++)
        if (strcmp(net->layers[i].name, name) == 0)
            return &net->layers[i];
    fail_msg("no layer %s", name);
    return NULL;
}
