// Weights by name: in the folders of BITLINE_PATH, then those that ship with the program.
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nets/weights.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/conf/conf.h"
#include "tools/study/inputs.h"

static const char ending[] = ".safetensors";
static const char *const places[] = {"", "/workloads", "/weights"};
enum { PLACES = sizeof places / sizeof *places, MAX_NAME = 100 };

static const struct catalog_entry *embedded_weights(const char *name)
{
    for (size_t i = 0; i < catalog_weights.n; i++)
        if (!strcmp(catalog_weights.entries[i].name, name))
            return &catalog_weights.entries[i];
    return NULL;
}

static bool find_weights(const char *name, char *path, size_t n)
{
    for (const char *const *folder = inputs_catalog()->folders; *folder; folder++)
        for (int i = 0; i < PLACES; i++) {
            int used = snprintf(path, n, "%s%s/%s%s", *folder, places[i], name, ending);
            if (used < (int)n && access(path, F_OK) == 0)
                return true;
        }
    return false;
}

bool inputs_weights(const char *what, const struct net *net, struct weights **out, struct err *err)
{
    char path[4096];
    if (strpbrk(what, "./") || access(what, F_OK) == 0)
        return weights_load(what, net, out, err);
    if (find_weights(what, path, sizeof path))
        return weights_load(path, net, out, err);
    const struct catalog_entry *entry = embedded_weights(what);
    if (entry)
        return weights_parse(what, entry->text, entry->n, net, out, err);
    return err_set(err,
                   "%.200s: there is no such file, and no weights of that name; 'bitline list "
                   "weights' shows those that there are",
                   what);
}

struct names {
    char (*items)[MAX_NAME + 1];
    size_t n, capacity;
};

static void add_name(struct names *names, const char *name, size_t n)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    if (n == 0 || n > MAX_NAME || strspn(name, allowed) < n) // cannot be found by this name
        return;
    names->items = mem_grow(names->items, &names->capacity, names->n + 1, sizeof *names->items);
    memcpy(names->items[names->n], name, n);
    names->items[names->n++][n] = 0;
}

static void add_folder(struct names *names, const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir && errno == ENOMEM)
        mem_fail(0); // else a name of the folder would be missing
    if (!dir)
        return;
    for (const struct dirent *item = readdir(dir); item; item = readdir(dir)) {
        size_t n = strlen(item->d_name), m = sizeof ending - 1;
        if (n > m && !strcmp(item->d_name + n - m, ending))
            add_name(names, item->d_name, n - m);
    }
    closedir(dir);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

// The first line of the description of the job that has this name, in `line`.
static const char *describe(const char *name, char *line, size_t n)
{
    struct conf *job = catalog_open(inputs_catalog(), CATALOG_WORKLOAD, name, NULL);
    const struct conf_node *at = job ? conf_find(job->root, "description") : NULL;
    const char *text = at && at->kind == CONF_SCALAR ? at->text : "";
    snprintf(line, n, "%.*s", (int)strcspn(text, "\n"), text);
    conf_close(job);
    return line;
}

void inputs_list_weights(void (*each)(const char *name, const char *description, void *arg),
                         void *arg)
{
    struct names names = {0};
    char path[4096], line[400];
    for (size_t i = 0; i < catalog_weights.n; i++)
        add_name(&names, catalog_weights.entries[i].name, strlen(catalog_weights.entries[i].name));
    for (const char *const *folder = inputs_catalog()->folders; *folder; folder++)
        for (int i = 0; i < PLACES; i++) {
            snprintf(path, sizeof path, "%s%s", *folder, places[i]);
            add_folder(&names, path);
        }
    if (names.n)
        qsort(names.items, names.n, sizeof *names.items, compare_names);
    for (size_t i = 0; i < names.n; i++)
        if (i == 0 || strcmp(names.items[i - 1], names.items[i]) != 0)
            each(names.items[i], describe(names.items[i], line, sizeof line), arg);
    free(names.items);
}
