#include "tests/conf/support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "base/conf/conf.h"

struct conf *parse_good(const char *text)
{
    struct err err = {0};
    struct conf *conf = conf_parse("t.yaml", text, strlen(text), &err);
    if (!conf)
        fail_msg("%s: %s", text, err.text);
    return conf;
}

void parse_bad(const char *text, const char *want)
{
    struct err err = {0};
    struct conf *conf = conf_parse("t.yaml", text, strlen(text), &err);
    if (conf)
        fail_msg("'%s' passed", text);
    assert_string_equal(err.text, want);
}

char *printed(const struct conf_node *root, const struct conf_field *fields, bool comments)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    conf_print(root, fields, comments, out);
    fclose(out);
    return text;
}

void assert_prints(const struct conf_node *root, const char *want)
{
    char *text = printed(root, NULL, false);
    assert_string_equal(text, want);
    free(text);
}

void write_file(const char *path, const char *text)
{
    struct err err = {0};
    char folder[300];
    const char *slash = strrchr(path, '/');
    if (slash) {
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
        assert_true(file_make_folder(folder, &err));
    }
    struct file_out *out = file_create(path, &err);
    assert_non_null(out);
    fputs(text, file_stream(out));
    assert_true(file_commit(out, &err));
}
