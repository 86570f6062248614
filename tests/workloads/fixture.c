#include "tests/workloads/fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/err.h"
#include "base/mem.h"

int fixture_enter(void **state)
{
    char *name = mem_alloc(64, 1);
    snprintf(name, 64, "test_workloads.XXXXXX");
    *state = name;
    return mkdtemp(name) && chdir(name) == 0 ? 0 : -1;
}

static void sweep(const char *folder)
{
    DIR *dir = opendir(folder);
    for (const struct dirent *item = readdir(dir); item; item = readdir(dir)) {
        char path[600];
        struct stat st;
        if (item->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, item->d_name);
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
            sweep(path);
            rmdir(path);
        } else {
            unlink(path);
        }
    }
    closedir(dir);
}

int fixture_leave(void **state)
{
    sweep(".");
    int bad = chdir("..") != 0 || rmdir(*state) != 0;
    free(*state);
    return bad;
}

uint8_t fixture_pixel(size_t i, size_t j)
{
    return (uint8_t)(7 * i + 3 * j + j / 256);
}

void fixture_write(const char *path, const void *bytes, size_t n)
{
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, n, out), n);
    assert_int_equal(fclose(out), 0);
}

size_t fixture_write_gz(const char *path, const void *bytes, size_t n)
{
    struct stat st;
    gzFile out = gzopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(gzwrite(out, bytes, (unsigned)n), n);
    assert_int_equal(gzclose(out), Z_OK);
    assert_int_equal(stat(path, &st), 0);
    return (size_t)st.st_size;
}

static void put_word(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

size_t fixture_idx_images(uint8_t *out, uint32_t n)
{
    put_word(out, 0x803);
    put_word(out + 4, n);
    put_word(out + 8, 28);
    put_word(out + 12, 28);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < MNIST_IMAGE; j++)
            out[16 + i * MNIST_IMAGE + j] = fixture_pixel(i, j);
    return 16 + (size_t)n * MNIST_IMAGE;
}

size_t fixture_idx_labels(uint8_t *out, uint32_t n)
{
    put_word(out, 0x801);
    put_word(out + 4, n);
    for (size_t i = 0; i < n; i++)
        out[8 + i] = (uint8_t)(i % 10);
    return 8 + (size_t)n;
}

size_t fixture_cifar(uint8_t *out, size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++) {
        *out++ = (uint8_t)(i % 10);
        for (size_t j = 0; j + 1 < CIFAR_RECORD; j++)
            *out++ = fixture_pixel(i, j);
    }
    return n * CIFAR_RECORD;
}

struct dataset *fixture_open(const char *spec, enum dataset_part part, size_t most)
{
    struct err err = {""};
    struct dataset *set = NULL;
    if (!dataset_open(spec, part, most, &set, &err))
        fail_msg("%s: %s", spec, err.text);
    return set;
}

void fixture_refuses(const char *spec, const char *says)
{
    struct err err = {""};
    struct dataset *set = NULL;
    if (dataset_open(spec, DATASET_TEST, 0, &set, &err))
        fail_msg("'%s' was taken; it should say '%s'", spec, says);
    assert_null(set);
    if (!strstr(err.text, says))
        fail_msg("'%s' does not say '%s'", err.text, says);
}
