// Writes the pictures of the generated sets that workloads/README.md shows: one class per column,
// with few levels per channel to keep the files small.
//   sheet synth workloads/synth28.png
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "workloads/dataset.h"

enum { ROWS = 8, ZOOM = 2, GAP = 2 };

static void put_word(uint8_t *to, unsigned long value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void put_chunk(FILE *out, const char *type, const uint8_t *data, size_t n)
{
    uint8_t word[4];
    put_word(word, (unsigned long)n);
    fwrite(word, 1, 4, out);
    fwrite(type, 1, 4, out);
    fwrite(data, 1, n, out);
    uLong sum = crc32(crc32(0, NULL, 0), (const Bytef *)type, 4);
    put_word(word, crc32(sum, data, (uInt)n));
    fwrite(word, 1, 4, out);
}

// Leaves of each pixel what differs from the one above, where a row repeats, or from the one to the
// left: what repeats packs well.
static void filter(uint8_t *rows, int line, int height, int channels)
{
    for (int y = height - 1; y >= 0; y--) {
        uint8_t *row = rows + y * line;
        bool again = y && memcmp(row + 1, row + 1 - line, (size_t)line - 1) == 0;
        row[0] = again ? 2 : 1;
        for (int x = line - 1; x > (again ? 0 : channels); x--)
            row[x] = (uint8_t)(row[x] - row[again ? x - line : x - channels]);
    }
}

// rows: each has a byte for the filter's number before its width * channels bytes.
static void put_png(FILE *out, uint8_t *rows, int width, int height, int channels)
{
    uint8_t header[13] = {[8] = 8, [9] = channels == 1 ? 0 : 2};
    put_word(header, (unsigned long)width);
    put_word(header + 4, (unsigned long)height);
    uLong n = (uLong)(width * channels + 1) * (uLong)height, packed = compressBound(n);
    uint8_t *bytes = mem_alloc(packed, 1);
    filter(rows, width * channels + 1, height, channels);
    if (compress2(bytes, &packed, rows, n, Z_BEST_COMPRESSION) != Z_OK)
        abort();
    fwrite("\x89PNG\r\n\x1a\n", 1, 8, out);
    put_chunk(out, "IHDR", header, sizeof header);
    put_chunk(out, "IDAT", bytes, packed);
    put_chunk(out, "IEND", header, 0);
    free(bytes);
}

static uint8_t few_levels(uint8_t value, int channels)
{
    return channels == 1 ? value / 16 * 17 : value / 32 * 36;
}

static void put_image(const struct dataset *set, size_t image, uint8_t *rows, int line, int x0,
                      int y0)
{
    const uint8_t *from = dataset_image(set, image);
    for (int y = 0; y < set->height * ZOOM; y++)
        for (int x = 0; x < set->width * ZOOM; x++)
            for (int c = 0; c < set->channels; c++)
                rows[(y0 + y) * line + 1 + (x0 + x) * set->channels + c] = few_levels(
                    from[(c * set->height + y / ZOOM) * set->width + x / ZOOM], set->channels);
}

static bool write_sheet(const struct dataset *set, const char *path, struct err *err)
{
    int width = set->classes * (set->width * ZOOM + GAP) - GAP;
    int height = ROWS * (set->height * ZOOM + GAP) - GAP, line = width * set->channels + 1;
    uint8_t *rows = mem_alloc((size_t)height, (size_t)line);
    memset(rows, 255, (size_t)height * (size_t)line);
    for (size_t i = 0; i < set->n; i++)
        put_image(set, i, rows, line, set->labels[i] * (set->width * ZOOM + GAP),
                  (int)i / set->classes * (set->height * ZOOM + GAP));
    struct file_out *out = file_create(path, err);
    if (out)
        put_png(file_stream(out), rows, width, height, set->channels);
    free(rows);
    return out && file_commit(out, err);
}

int main(int argc, char **argv)
{
    struct err err = {""};
    struct dataset *set = NULL;
    bool ok = argc == 3 || err_set(&err, "usage: sheet synth|synth32 FILE.png");
    // Every ten images in a row hold each class once.
    ok = ok && dataset_open(argv[1], DATASET_TEST, ROWS * 10, &set, &err) &&
         write_sheet(set, argv[2], &err);
    dataset_close(set);
    if (!ok)
        fprintf(stderr, "%s\n", err.text);
    return !ok;
}
