#include "base/catalog/catalog.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/conf/tree.h"

enum { MAX_NAME = 100, MAX_EXTENDS = 16 };

const char *const catalog_kind_names[] = {"chip", "net", "workload"};
// Subfolders of each user folder, searched in this order; "" is the folder itself.
enum { KIND_FOLDERS = 3 };
static const char *const kind_folders[][KIND_FOLDERS] = {
    {"", "/chips"}, {"", "/nets", "/zoo"}, {"", "/workloads"}};

// A description that was found: an embedded text, or a file.
struct source {
    const char *id; // "chip hawis", or the path; used in messages
    const struct catalog_entry *entry;
};

// The chain of descriptions that extend each other, the latest first.
struct chain {
    struct source source;
    dev_t device;
    ino_t inode; // of a file: "a.yaml" and "./a.yaml" are one
    const struct chain *before;
    int length;
};

struct search {
    const struct catalog *catalog;
    enum catalog_kind kind;
    struct arena *mem;
    struct err *err;
};

static bool is_name(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strlen(text);
    return n > 0 && n <= MAX_NAME && strspn(text, allowed) == n && *text != '.';
}

static bool ends_in_yaml(const char *text)
{
    size_t n = strlen(text);
    return n > 5 && strcmp(text + n - 5, ".yaml") == 0;
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

static const char *const *folders_of(const struct catalog *catalog)
{
    static const char *const none[] = {NULL};
    return catalog && catalog->folders ? catalog->folders : none;
}

struct names {
    const char **items;
    size_t n, capacity;
};

static void add_name(struct names *names, const char *name)
{
    names->items = mem_grow(names->items, &names->capacity, names->n + 1, sizeof *names->items);
    names->items[names->n++] = name;
}

static void add_folder(struct names *names, const char *folder, struct arena *mem)
{
    DIR *dir = opendir(folder);
    if (!dir && errno == ENOMEM)
        mem_fail(0); // otherwise a name of the folder would be missing
    if (!dir)
        return;
    for (const struct dirent *item = readdir(dir); item; item = readdir(dir)) {
        size_t n = strlen(item->d_name);
        if (!ends_in_yaml(item->d_name))
            continue;
        const char *name = arena_strndup(mem, item->d_name, n - 5);
        if (is_name(name))
            add_name(names, name);
    }
    closedir(dir);
}

static int compare_names(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

// Every name of the kind, sorted, once; free the items.
static struct names find_names(const struct catalog *catalog, enum catalog_kind kind,
                               struct arena *mem)
{
    struct names names = {0};
    const struct embedded_kind *embedded = &catalog_embedded[kind];
    for (size_t i = 0; i < embedded->n; i++)
        add_name(&names, embedded->entries[i].name);
    for (const char *const *folder = folders_of(catalog); *folder; folder++)
        for (int i = 0; i < KIND_FOLDERS && kind_folders[kind][i]; i++)
            add_folder(&names, arena_printf(mem, "%s%s", *folder, kind_folders[kind][i]), mem);
    if (names.n)
        qsort(names.items, names.n, sizeof *names.items, compare_names);
    size_t kept = 0;
    for (size_t i = 0; i < names.n; i++)
        if (!kept || strcmp(names.items[kept - 1], names.items[i]) != 0)
            names.items[kept++] = names.items[i];
    names.n = kept;
    return names;
}

static bool fail_unknown(const struct search *s, const char *what, struct err *err)
{
    char shown[60], list[300] = "none";
    struct line line = {.buf = list, .n = sizeof list};
    struct suggest near = {.word = what};
    struct names names = find_names(s->catalog, s->kind, s->mem);
    for (size_t i = 0; i < names.n; i++) {
        suggest_offer(&near, names.items[i]);
        line_add(&line, "%s%s", i ? ", " : "", names.items[i]);
    }
    const char *kind = catalog_kind_names[s->kind];
    tree_show(shown, sizeof shown, what);
    if (near.best)
        err_set(err, "there is no %s '%s'; did you mean '%s'? There are: %s", kind, shown,
                near.best, list);
    else
        err_set(err, "there is no %s '%s'; there are: %s (a file needs a '/' or .yaml)", kind,
                shown, list);
    free(names.items);
    return false;
}

static bool is_open(const char *path, const struct chain *chain)
{
    struct stat st;
    for (; chain; chain = chain->before)
        if (!chain->source.entry && stat(path, &st) == 0 && chain->device == st.st_dev &&
            chain->inode == st.st_ino)
            return true;
    return false;
}

// Skips files of the chain, so that a user's hawis.yaml can extend the built-in hawis. If there is
// no other file, finds the first of them: a loop.
static bool find_named(const struct search *s, const char *name, const struct chain *chain,
                       struct source *source)
{
    const char *open = NULL;
    for (const char *const *folder = folders_of(s->catalog); *folder; folder++)
        for (int i = 0; i < KIND_FOLDERS && kind_folders[s->kind][i]; i++) {
            source->id =
                arena_printf(s->mem, "%s%s/%s.yaml", *folder, kind_folders[s->kind][i], name);
            if (!is_file(source->id))
                continue;
            if (!is_open(source->id, chain))
                return true;
            open = open ? open : source->id;
        }
    const struct embedded_kind *embedded = &catalog_embedded[s->kind];
    for (size_t i = 0; i < embedded->n; i++)
        if (strcmp(embedded->entries[i].name, name) == 0) {
            source->entry = &embedded->entries[i];
            source->id = arena_printf(s->mem, "%s %s", catalog_kind_names[s->kind], name);
            return true;
        }
    source->id = open;
    return open != NULL;
}

// Finds the source for a name or a file name; a file name is relative to the last file of the
// chain, if there is one. chain is NULL if `what` comes from the caller.
static bool find_source(const struct search *s, const char *what, const struct chain *chain,
                        struct source *source, struct err *err)
{
    const struct source *beside = chain ? &chain->source : NULL;
    char shown[120];
    tree_show(shown, sizeof shown, what);
    if (!strchr(what, '/') && !ends_in_yaml(what)) {
        if (!is_name(what))
            return err_set(err,
                           "'%s' is not a valid %s name: letters, digits, '.', '_' and '-' only, "
                           "not beginning with '.'; a file needs a '/' or .yaml",
                           shown, catalog_kind_names[s->kind]);
        return find_named(s, what, chain, source) || fail_unknown(s, what, err);
    }
    source->id = arena_strdup(s->mem, what);
    const char *slash = beside && !beside->entry && *what != '/' ? strrchr(beside->id, '/') : NULL;
    if (slash)
        source->id = arena_printf(s->mem, "%.*s/%s", (int)(slash - beside->id), beside->id, what);
    if (beside && !is_file(source->id))
        return err_set(err, "there is no file '%s'; check the name", shown);
    return true;
}

static bool is_same(const struct chain *a, const struct chain *b)
{
    if (a->source.entry || b->source.entry)
        return a->source.entry == b->source.entry;
    return a->device == b->device && a->inode == b->inode;
}

// Describes a loop: "a.yaml extends b.yaml extends a.yaml".
static const char *describe(const struct search *s, const struct chain *from,
                            const struct chain *to)
{
    const char *text = from->source.id;
    for (const struct chain *link = from->before;; link = link->before) {
        text = arena_printf(s->mem, "%s extends %s", link->source.id, text);
        if (link == to)
            return text;
    }
}

static bool check_chain(const struct search *s, struct chain *link, struct err *err)
{
    struct stat st;
    assert(link->source.id);
    if (!link->source.entry && stat(link->source.id, &st) == 0) {
        link->device = st.st_dev;
        link->inode = st.st_ino;
    }
    for (const struct chain *earlier = link->before; earlier; earlier = earlier->before)
        if (is_same(earlier, link))
            return err_set(err, "circular reference: %s; remove one 'extends'",
                           describe(s, link, earlier));
    if (link->length > MAX_EXTENDS)
        return err_set(err, "more than %d descriptions extend each other; merge some", MAX_EXTENDS);
    return true;
}

static struct conf *load(const struct search *s, const struct chain *link);

// Opens the description that a key `extends` names.
static struct conf *open_base(const struct search *s, const struct chain *link,
                              const struct conf_node *at)
{
    struct err why = {0};
    struct chain next = {.before = link, .length = link->length + 1};
    if (at->kind != CONF_SCALAR || !*at->text)
        conf_fail(at, s->err, "is empty; write the name of one %s or a file",
                  catalog_kind_names[s->kind]);
    else if (!find_source(s, at->text, link, &next.source, &why) || !check_chain(s, &next, &why))
        conf_wrap(at, s->err, &why, "%s", why.text);
    else
        return load(s, &next);
    return NULL;
}

static struct conf *load(const struct search *s, const struct chain *link)
{
    const struct source *source = &link->source;
    struct conf *conf = source->entry
                            ? conf_parse(source->id, source->entry->text, source->entry->n, s->err)
                            : conf_open(source->id, s->err);
    const struct conf_node *at = conf ? conf_find(conf->root, "extends") : NULL;
    if (!at)
        return conf;
    struct conf *base = open_base(s, link, at);
    if (base) {
        conf_take(conf, "extends");
        conf_overlay(base, conf);
    }
    conf_close(conf);
    return base;
}

struct conf *catalog_open(const struct catalog *catalog, enum catalog_kind kind, const char *what,
                          struct err *err)
{
    struct search s = {.catalog = catalog, .kind = kind, .mem = arena_create(), .err = err};
    struct chain first = {.length = 1};
    struct conf *conf = NULL;
    if (find_source(&s, what, NULL, &first.source, err) && check_chain(&s, &first, err))
        conf = load(&s, &first);
    arena_destroy(s.mem);
    return conf;
}

// The first line of a description; empty if there is none, "(cannot be read)" if it is invalid.
static const char *describe_name(const struct search *s, const char *name)
{
    struct source source = {0};
    const char *text = "";
    if (!find_named(s, name, NULL, &source))
        return text;
    struct conf *conf = source.entry
                            ? conf_parse(source.id, source.entry->text, source.entry->n, NULL)
                            : conf_open(source.id, NULL);
    if (!conf)
        return "(cannot be read)";
    const struct conf_node *at = conf_find(conf->root, "description");
    if (at && at->kind == CONF_SCALAR)
        text = arena_strndup(s->mem, at->text, strcspn(at->text, "\n"));
    conf_close(conf);
    return text;
}

void catalog_list(const struct catalog *catalog, enum catalog_kind kind,
                  void (*each)(const char *name, const char *description, void *arg), void *arg)
{
    struct search s = {.catalog = catalog, .kind = kind, .mem = arena_create()};
    struct names names = find_names(catalog, kind, s.mem);
    for (size_t i = 0; i < names.n; i++)
        each(names.items[i], describe_name(&s, names.items[i]), arg);
    free(names.items);
    arena_destroy(s.mem);
}
