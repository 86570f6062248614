#include "tools/study/file_kind.h"

#include <string.h>

#include "base/conf/conf.h"
#include "base/conf/suggest.h"

const char *const file_kind_names[] = {"chip", "net", "sweep", "train", "search", NULL};

static const struct {
    enum catalog_kind library;
    const char *phrase;
    const char *key; // required by this kind and unknown to others; NULL: none
} kinds[FILE_KINDS] = {
    [FILE_CHIP] = {CATALOG_CHIP, "a chip", NULL},
    [FILE_NET] = {CATALOG_NET, "a net", "layers"},
    [FILE_SWEEP] = {CATALOG_WORKLOAD, "a job of 'bitline sweep'", "sweep"},
    [FILE_TRAIN] = {CATALOG_WORKLOAD, "a job of 'bitline train'", "epochs"},
    [FILE_SEARCH] = {CATALOG_WORKLOAD, "a job of 'bitline search'", "episodes"},
};

enum catalog_kind file_kind_library(enum file_kind kind)
{
    return kinds[kind].library;
}

const char *file_kind_phrase(enum file_kind kind)
{
    return kinds[kind].phrase;
}

static enum file_kind named_kind(const struct conf_node *at)
{
    int k = 0;
    while (file_kind_names[k] && (at->kind != CONF_SCALAR || strcmp(at->text, file_kind_names[k])))
        k++;
    return (enum file_kind)k;
}

enum file_kind file_kind_stated(const struct conf *conf)
{
    const struct conf_node *at = conf_find(conf->root, "kind");
    if (at)
        return named_kind(at);
    for (int k = 0; k < FILE_KINDS; k++)
        if (kinds[k].key && conf_find(conf->root, kinds[k].key))
            return (enum file_kind)k;
    return FILE_KINDS;
}

static bool refuse_kind(const struct conf_node *at, struct err *err)
{
    static const char allowed[] = "allowed: chip, net, sweep, train, search";
    struct suggest near = {.word = at->kind == CONF_SCALAR ? at->text : ""};
    for (int k = 0; file_kind_names[k]; k++)
        suggest_offer(&near, file_kind_names[k]);
    if (near.best)
        return conf_fail(at, err, "'%.40s' is unknown (did you mean '%s'?); %s", near.word,
                         near.best, allowed);
    return conf_fail(at, err, "'%.40s' is unknown; %s", near.word, allowed);
}

bool file_kind_expect(struct conf *conf, enum file_kind kind, struct err *err)
{
    const struct conf_node *at = conf_find(conf->root, "kind");
    enum file_kind stated = file_kind_stated(conf);
    if (at && stated == FILE_KINDS)
        return refuse_kind(at, err);
    if (stated != FILE_KINDS && stated != kind)
        return conf_fail(at ? at : conf_find(conf->root, kinds[stated].key), err,
                         "this is %s, but %s is expected here", kinds[stated].phrase,
                         kinds[kind].phrase);
    if (at && kinds[kind].library != CATALOG_WORKLOAD)
        conf_take(conf, "kind");
    return true;
}
