#include "workloads/dataset.h"

#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"
#include "workloads/reader.h"

static const struct reader *const readers[] = {
    &cifar10_reader, &mnist_reader, &fashion_reader, &synth_reader, &synth32_reader, NULL,
};

static bool unknown(const char *spec, struct err *err)
{
    struct arena *mem = arena_create();
    const char *known = "";
    for (size_t i = 0; readers[i]; i++)
        known = arena_printf(mem, "%s%s%s%s", known, i ? ", " : "", readers[i]->name,
                             readers[i]->files ? ":DIR" : "");
    err_set(err, "data '%.200s' is no known data set; name one of %s", spec, known);
    arena_destroy(mem);
    return false;
}

static const struct reader *find_reader(const char *spec, size_t n)
{
    for (size_t i = 0; readers[i]; i++)
        if (strlen(readers[i]->name) == n && memcmp(readers[i]->name, spec, n) == 0)
            return readers[i];
    return NULL;
}

bool dataset_open(const char *spec, enum dataset_part part, size_t most, struct dataset **out,
                  struct err *err)
{
    size_t n = strcspn(spec, ":");
    const char *folder = spec[n] ? spec + n + 1 : NULL;
    const struct reader *reader = find_reader(spec, n);
    if (!reader)
        return unknown(spec, err);
    if (reader->files && (!folder || !*folder))
        return err_set(err, "data '%s' needs its folder: %s:DIR, where DIR holds %s", spec,
                       reader->name, reader->files);
    if (!reader->files && folder)
        return err_set(err, "data '%.200s': %s is generated and takes no folder; write %s", spec,
                       reader->name, reader->name);
    struct arena *mem = arena_create();
    struct dataset *set = arena_alloc(mem, 1, sizeof *set);
    set->mem = mem;
    set->name = reader->name;
    if (!reader->open(folder, part, most ? most : SIZE_MAX, set, err)) {
        arena_destroy(mem);
        return false;
    }
    *out = set;
    return true;
}

void dataset_close(struct dataset *dataset)
{
    if (dataset)
        arena_destroy(dataset->mem);
}

struct dataset *dataset_pick(const struct dataset *from, const uint32_t *numbers, size_t n)
{
    size_t bytes = dataset_image_bytes(from);
    struct arena *mem = arena_create();
    struct dataset *set = arena_alloc(mem, 1, sizeof *set);
    uint8_t *images = arena_alloc(mem, n, bytes), *labels = arena_alloc(mem, n, 1);
    for (size_t i = 0; i < n; i++) {
        memcpy(images + i * bytes, dataset_image(from, numbers[i]), bytes);
        labels[i] = from->labels[numbers[i]];
    }
    *set = *from;
    set->n = n;
    set->images = images;
    set->labels = labels;
    set->mem = mem;
    return set;
}

const char *reader_find(const char *folder, const char *const names[], const struct reader *reader,
                        struct dataset *set, struct err *err)
{
    struct stat st;
    for (size_t i = 0; names[i]; i++) {
        const char *path = arena_printf(set->mem, "%s/%s", folder, names[i]);
        if (stat(path, &st) == 0)
            return path;
    }
    if (stat(folder, &st) != 0)
        err_set(err, "%s: there is no such folder; give the one that holds %s", folder,
                reader->files);
    else if (!S_ISDIR(st.st_mode))
        err_set(err, "%s: is no folder; give the one that holds %s", folder, reader->files);
    else
        err_set(err, "%s: holds neither %s nor %s; give the folder that holds %s", folder, names[0],
                names[1], reader->files);
    return NULL;
}
