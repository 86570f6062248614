// Any bytes as a chip: a message, or a chip that prints itself, adds up and takes a small net.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "base/err.h"
#include "sim/chip/chip.h"
#include "base/conf/conf.h"
#include "sim/map/map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char net_text[] = "name: net\n"
                               "input: {channels: 3, height: 8, width: 8}\n"
                               "layers:\n"
                               "  - {name: a, kind: conv, out: 5, kernel: 3, pad: 1}\n"
                               "  - {name: b, kind: conv, out: 5, kernel: 3, pad: 1}\n"
                               "  - {name: c, kind: add, shortcut: a}\n"
                               "  - {name: d, kind: pool, kernel: 2}\n"
                               "  - {name: e, kind: linear, out: 10}\n";

static void require(bool holds, const char *why)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", why);
    abort();
}

// What a chip prints is the same chip.
static void check_print(const struct chip *chip)
{
    char *text = NULL;
    size_t n = 0;
    struct err err = {0};
    struct chip *again = NULL;
    FILE *out = open_memstream(&text, &n);
    require(out != NULL, "no stream");
    conf_print(chip->conf->root, chip_fields, true, out);
    fclose(out);
    struct conf *conf = conf_parse("printed", text, n, &err);
    require(conf && chip_load(conf, &again, &err), err.text);
    require(again->hash == chip->hash, text);
    chip_destroy(again);
    free(text);
}

static void check_map(const struct chip *chip)
{
    struct err err = {0};
    struct net *net = NULL;
    struct mapping *map = NULL;
    struct conf *conf = conf_parse("net", net_text, sizeof net_text - 1, &err);
    require(conf && net_load(conf, NULL, &net, &err), err.text);
    if (!map_net(net, chip, 1, &map, &err))
        require(err.text[0], "refused without a word");
    map_destroy(map);
    net_destroy(net);
    conf_close(conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err err = {0};
    struct chip *chip = NULL;
    struct conf *conf = conf_parse("fuzz", (const char *)data, n, &err);
    if (!conf)
        return 0;
    if (!chip_load(conf, &chip, &err)) {
        require(err.text[0], "refused without a word");
        return 0;
    }
    struct chip_sum sum = chip_add_up(chip, NULL, NULL);
    require(isfinite(sum.chip_w) && isfinite(sum.chip_m2), "a sum that is no number");
    check_print(chip);
    check_map(chip);
    chip_destroy(chip);
    return 0;
}
