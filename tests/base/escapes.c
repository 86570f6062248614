// Escapes texts for escapes.py, which gives them to the readers of the languages.
// escapes LANGUAGE: texts on stdin, each ended by a zero byte; so are the answers on stdout.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"

static const struct {
    const char *name;
    const char *(*escape)(struct arena *mem, const char *text);
} languages[] = {
    {"gnuplot", escape_gnuplot}, {"gnuplot_tic", escape_gnuplot_tic},
    {"yaml", escape_yaml},       {"yaml_quoted", escape_yaml_quoted},
    {"xml", escape_xml},         {"shell", escape_shell},
    {"line", escape_line},       {"json", escape_json},
    {"csv", escape_csv},
};

int main(int argc, char **argv)
{
    char *text = NULL;
    size_t capacity = 0;
    for (size_t i = 0; argc == 2 && i < sizeof languages / sizeof *languages; i++) {
        if (strcmp(languages[i].name, argv[1]) != 0)
            continue;
        while (getdelim(&text, &capacity, 0, stdin) > 0) {
            struct arena *mem = arena_create();
            fputs(languages[i].escape(mem, text), stdout);
            putchar(0);
            arena_destroy(mem);
        }
        free(text);
        return 0;
    }
    return 2;
}
