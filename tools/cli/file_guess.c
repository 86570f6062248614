#include "tools/cli/file_guess.h"

#include <string.h>

#include "nets/net.h"
#include "nets/train/recipe.h"
#include "sim/chip/chip.h"
#include "base/conf/conf.h"
#include "base/conf/suggest.h"
#include "tools/study/inputs.h"
#include "tools/search/job.h"
#include "tools/sweep/job.h"

static const struct conf_field *const tables[FILE_KINDS] = {
    [FILE_CHIP] = chip_fields,    [FILE_NET] = net_fields,       [FILE_SWEEP] = job_fields,
    [FILE_TRAIN] = recipe_fields, [FILE_SEARCH] = search_fields,
};

// 4 of a key of the table, 3 of a misspelt one; nothing of those that all kinds have.
static int score_key(const struct conf_field *fields, const char *key)
{
    static const char *const common[] = {"name", "description", "extends", "kind"};
    struct suggest near = {.word = key};
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        if (!strcmp(key, common[i]))
            return 0;
    for (const struct conf_field *f = fields; f->key; f++) {
        if (!strcmp(key, f->key))
            return 4;
        suggest_offer(&near, f->key);
    }
    return near.best ? 3 : 0;
}

// A misspelt `layers`, `sweep`, `epochs` or `episodes` outweighs what kinds of jobs share.
static int score_defining(enum file_kind kind, const char *key)
{
    static const char *const keys[FILE_KINDS] = {"", "layers", "sweep", "epochs", "episodes"};
    struct suggest near = {.word = key};
    suggest_offer(&near, keys[kind]);
    return near.best ? 100 : 0;
}

static struct file_guess guess_by_keys(const struct conf *conf)
{
    struct file_guess guess = {FILE_KINDS, true};
    int best = 0;
    for (int k = 0; k < FILE_KINDS; k++) {
        int score = 0;
        for (size_t i = 0; i < conf->root->n; i++) {
            const char *key = conf->root->children[i]->key;
            score += score_key(tables[k], key) + score_defining((enum file_kind)k, key);
        }
        if (score > best) {
            best = score;
            guess.kind = (enum file_kind)k;
        }
    }
    return guess;
}

static struct file_guess guess_conf(const struct conf *conf)
{
    enum file_kind kind = file_kind_stated(conf);
    return kind == FILE_KINDS ? guess_by_keys(conf) : (struct file_guess){kind, false};
}

// What it is if it is opened as one of a kind of the library, so that names it extends are of that
// kind; false if it is of another, or cannot be opened as one.
static bool guess_in(enum catalog_kind library, const char *what, struct file_guess *guess)
{
    struct conf *conf = catalog_open(inputs_catalog(), library, what, NULL);
    if (!conf)
        return false;
    *guess = guess_conf(conf);
    conf_close(conf);
    return guess->kind != FILE_KINDS && file_kind_library(guess->kind) == library;
}

struct file_guess file_guess(const char *path)
{
    struct file_guess guess;
    struct conf *own = conf_open(path, NULL);
    if (!own)
        return (struct file_guess){FILE_CHIP, false};
    const struct conf_node *kind = conf_find(own->root, "kind");
    guess = guess_conf(own);
    if (!kind && (guess.by_keys || guess.kind == FILE_KINDS))
        for (int k = 0; k < CATALOG_KINDS; k++) {
            struct file_guess whole;
            if (guess_in((enum catalog_kind)k, path, &whole)) {
                guess = whole;
                break;
            }
        }
    conf_close(own);
    return guess;
}

struct lookup {
    const char *name;
    bool found;
};

static void look(const char *name, const char *description, void *arg)
{
    struct lookup *lookup = arg;
    (void)description;
    lookup->found = lookup->found || !strcmp(name, lookup->name);
}

static bool is_named(enum catalog_kind kind, const char *what)
{
    struct lookup lookup = {.name = what};
    catalog_list(inputs_catalog(), kind, look, &lookup);
    return lookup.found;
}

struct file_guess file_guess_name(const char *name)
{
    static const enum file_kind first[CATALOG_KINDS] = {FILE_CHIP, FILE_NET, FILE_SWEEP};
    struct file_guess guess = {FILE_KINDS, false};
    for (int k = 0; k < CATALOG_KINDS; k++) {
        struct file_guess found;
        if (!is_named((enum catalog_kind)k, name))
            continue;
        if (guess_in((enum catalog_kind)k, name, &found))
            return found;
        if (guess.kind == FILE_KINDS)
            guess.kind = first[k]; // its loading says what is wrong
    }
    return guess;
}

bool file_guess_agrees(enum catalog_kind library, const char *name)
{
    struct file_guess guess = {FILE_KINDS, false};
    if (guess_in(library, name, &guess))
        return true;
    for (int k = 0; k < CATALOG_KINDS; k++) // what no kind has is everywhere
        if (guess_in((enum catalog_kind)k, name, &guess))
            return false;
    return true;
}
