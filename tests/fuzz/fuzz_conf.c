// Any bytes as a description: must end in a message or in a tree that prints and reads back.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int same_text(const char *a, const char *b)
{
    return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

// What was in quotes stays so; what was not may get some.
static int same_tree(const struct conf_node *a, const struct conf_node *b)
{
    if (a->kind != b->kind || a->n != b->n || !same_text(a->key, b->key) ||
        !same_text(a->text, b->text) || (a->quoted && !b->quoted))
        return 0;
    for (size_t i = 0; i < a->n; i++)
        if (!same_tree(a->children[i], b->children[i]))
            return 0;
    return 1;
}

static void check_print(const struct conf *conf, bool comments)
{
    char *text = NULL;
    size_t n = 0;
    struct err err = {0};
    FILE *out = open_memstream(&text, &n);
    conf_print(conf->root, NULL, comments, out);
    fclose(out);
    struct conf *again = n > CONF_MAX_BYTES ? NULL : conf_parse("printed", text, n, &err);
    if (n <= CONF_MAX_BYTES && (!again || !same_tree(conf->root, again->root))) {
        fprintf(stderr, "%s\n%s", err.text, text);
        abort();
    }
    conf_close(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err err = {0};
    struct conf *conf = conf_parse("fuzz", (const char *)data, n, &err);
    if (!conf) {
        if (!err.text[0])
            abort(); // refused without a word
        return 0;
    }
    check_print(conf, false);
    check_print(conf, true);
    conf_close(conf);
    return 0;
}
