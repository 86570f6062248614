#include "tests/traces/fixture.h"

#include <assert.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const layer_names[FIXTURE_LAYERS] = {"conv1", "layers.0.conv1", "fc"};
static const char *const tile_names[FIXTURE_TILES] = {
    "tile 0 (0,0)", "tile 1 (1,0)", "tile 2 (2,0)", "tile 3 (0,1)", "tile 4 (1,1)"};

static unsigned draw(unsigned long long *state, unsigned below)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(*state >> 33) % below;
}

static void add_span(struct fixture *f, const struct span *span)
{
    double duration_s = span->end_s - span->start_s;
    trace_span(f->trace, span);
    f->energy_j[span->layer] += span->energy_j;
    f->layer_s[span->layer][span->kind] += duration_s;
    f->tile_s[span->tile < 0 ? FIXTURE_TILES : span->tile][span->kind] += duration_s;
    f->first_s[span->layer] = fmin(f->first_s[span->layer], span->start_s);
    f->last_s[span->layer] = fmax(f->last_s[span->layer], span->end_s);
    f->head.end_s = fmax(f->head.end_s, span->end_s);
}

void fixture_init(struct fixture *f, size_t n_spans)
{
    bool used[FIXTURE_LAYERS][FIXTURE_TILES] = {{false}};
    unsigned long long state = 7;
    *f = (struct fixture){.trace = trace_create()};
    f->head = (struct trace_head){.version = "1.2.3",
                                  .chip = "hawis",
                                  .net = "mlp",
                                  .policy = "exact",
                                  .command = "bitline run hawis mlp --trace t.json",
                                  .chip_hash = 0xfedcba9876543210,
                                  .net_hash = 1,
                                  .seed = 18446744073709551615ULL,
                                  .n_layers = FIXTURE_LAYERS,
                                  .n_tiles = FIXTURE_TILES,
                                  .layers = layer_names,
                                  .tiles = tile_names};
    for (int i = 0; i < FIXTURE_LAYERS; i++)
        f->first_s[i] = HUGE_VAL;
    for (size_t i = 0; i < n_spans; i++) {
        double start_ns = 0.0625 * draw(&state, 16000), lasts_ns = 0.0625 * draw(&state, 400);
        struct span span = {.start_s = start_ns * 1e-9,
                            .end_s = (start_ns + (i % 10 ? lasts_ns : 0)) * 1e-9,
                            .energy_j = 1e-13 * draw(&state, 1000),
                            .layer = (int)draw(&state, FIXTURE_LAYERS),
                            .tile = (int)draw(&state, FIXTURE_TILES + 1) - 1,
                            .image = (int)draw(&state, 3) - 1,
                            .token = (int)i,
                            .kind = (enum span_kind)draw(&state, SPAN_KINDS)};
        add_span(f, &span);
        if (span.tile >= 0)
            used[span.layer][span.tile] = true;
    }
    for (int i = 0; i < FIXTURE_LAYERS; i++) {
        for (int j = 0; j < FIXTURE_TILES; j++)
            f->tiles[i] += used[i][j];
    }
    trace_part(f->trace, &(struct trace_part){"tile 0 bus", 1.5e-7, 2.5e-8});
    trace_part(f->trace, &(struct trace_part){"adc group, \"first\"", 1e-9, 0});
}

void fixture_fini(struct fixture *f)
{
    trace_destroy(f->trace);
}

void fixture_folder(char *folder, size_t n)
{
    snprintf(folder, n, "/tmp/bitline-test-XXXXXX");
    if (!mkdtemp(folder))
        abort();
}

void fixture_path(char *path, size_t n, const char *folder, const char *name)
{
    int length = snprintf(path, n, "%s/%s", folder, name);
    assert(length > 0 && (size_t)length < n);
    (void)length;
}

// Visits every file of the folder; removes them if asked.
static size_t visit(const char *folder, bool removing)
{
    char path[512];
    size_t n = 0;
    DIR *dir = opendir(folder);
    if (!dir)
        abort();
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        n++;
        fixture_path(path, sizeof path, folder, entry->d_name);
        if (removing)
            unlink(path);
    }
    closedir(dir);
    return n;
}

size_t fixture_folder_count(const char *folder)
{
    return visit(folder, false);
}

void fixture_folder_remove(const char *folder)
{
    visit(folder, true);
    rmdir(folder);
}
