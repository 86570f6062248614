#include "tools/inputs.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/err.h"
#include "sim/base/escape.h"
#include "sim/base/mem.h"
#include "sim/base/number.h"
#include "sim/base/text.h"
#include "sim/base/warn.h"
#include "sim/chip/chip.h"
#include "tools/cmd.h"
#include "tools/file_kind.h"
#include "tools/visible.h"

const struct library *inputs_library(void)
{
    static struct library library;
    static const char *folders[64];
    static char *copy; // the folders point into it
    if (library.folders)
        return &library;
    const char *path = getenv("BITLINE_PATH");
    copy = path ? strcpy(mem_alloc(strlen(path) + 1, 1), path) : NULL;
    size_t n = 0;
    for (char *at = copy ? strtok(copy, ":") : NULL; at && n < 63; at = strtok(NULL, ":"))
        folders[n++] = at;
    library.folders = folders;
    return &library;
}

static bool apply_sets(const struct inputs *inputs, struct conf *conf, bool net, struct err *err)
{
    for (size_t i = 0; i < inputs->n_sets; i++) {
        const char *set = inputs->sets[i], *equals = strchr(set, '=');
        bool for_net = !strncmp(set, "net.", 4);
        if (for_net != net)
            continue;
        const char *path = for_net ? set + 4 : !strncmp(set, "chip.", 5) ? set + 5 : set;
        char key[256];
        size_t length = (size_t)(equals - path);
        if (length == 0 || length >= sizeof key)
            return err_set(err, "--set %s: the path before '=' must have 1 to %zu characters", set,
                           sizeof key - 1);
        memcpy(key, path, length);
        key[length] = 0;
        if (!conf_set(conf, key, equals + 1, err))
            return false;
    }
    return true;
}

bool inputs_chip(const struct inputs *inputs, const char *what, struct chip **out, struct err *err)
{
    struct conf *conf = library_open(inputs_library(), LIBRARY_CHIP, what, err);
    if (!conf)
        return false;
    if (!file_kind_expect(conf, FILE_CHIP, err) || !apply_sets(inputs, conf, false, err)) {
        conf_close(conf);
        return false;
    }
    return chip_load(conf, out, err);
}

static bool parse_form(const char *text, struct net_options *options, struct err *err)
{
    for (int f = 0; net_form_names[f]; f++)
        if (!strcmp(text, net_form_names[f])) {
            options->has_form = true;
            options->form = (enum net_form)f;
            return true;
        }
    return err_set(err, "--form %s: unknown; take binary, int8, int16 or float", text);
}

static bool parse_width(const char *text, struct net_options *options, struct err *err)
{
    char number[40];
    size_t n = strlen(text);
    n -= n > 0 && text[n - 1] == 'x';
    snprintf(number, sizeof number, "%.*s", (int)(n < sizeof number ? n : 0), text);
    if (!number_parse(number, 0, 1000, &options->width) || !(options->width > 0))
        return err_set(err, "--width %s: expected a ratio above 0 and at most 1000, such as 3x",
                       text);
    return true;
}

static bool parse_widths(const char *text, int *widths, size_t most, struct net_options *options,
                         struct err *err)
{
    options->widths = widths;
    for (const char *at = text;; at++) {
        char number[20];
        int64_t value = 0;
        size_t n = strcspn(at, ",");
        snprintf(number, sizeof number, "%.*s", (int)(n < sizeof number ? n : 0), at);
        if (!integer_parse(number, 1, 1 << 20, &value))
            return err_set(err,
                           "--widths %s: whole numbers from 1 to %d, split by commas, are "
                           "wanted; '%.20s' is none",
                           text, 1 << 20, at);
        if (options->n_widths == most)
            return err_set(err, "--widths: more than %zu widths", most);
        widths[options->n_widths++] = (int)value;
        at += n;
        if (!*at)
            return true;
    }
}

static bool net_options(const struct inputs *inputs, int *widths, size_t most,
                        struct net_options *options, struct err *err)
{
    if (inputs->form && !parse_form(inputs->form, options, err))
        return false;
    if (inputs->width && inputs->widths)
        return err_set(err, "give --width or --widths, not both");
    if (inputs->width && !parse_width(inputs->width, options, err))
        return false;
    return !inputs->widths || parse_widths(inputs->widths, widths, most, options, err);
}

// A net's tree knows its paths without the "net." that the user typed before them.
static bool blame_net(const struct err *why, struct err *err)
{
    static const char set[] = "--set ";
    size_t n = sizeof set - 1;
    if (!strncmp(why->text, set, n) && strncmp(why->text + n, "net.", 4))
        return err_wrap(err, why, "%snet.%s", set, why->text + n);
    return err_wrap(err, why, "%s", why->text);
}

bool inputs_net(const struct inputs *inputs, const char *what, struct net **out, struct err *err)
{
    int widths[4096];
    struct net_options options = {0};
    if (!net_options(inputs, widths, sizeof widths / sizeof *widths, &options, err))
        return false;
    size_t length = strlen(what);
    if (length > 4 && !strcmp(what + length - 4, ".csv")) {
        for (size_t i = 0; i < inputs->n_sets; i++)
            if (!strncmp(inputs->sets[i], "net.", 4))
                return err_set(err, "--set %s: a layer CSV has no keys; write a YAML net",
                               inputs->sets[i]);
        return net_load_csv(what, &options, out, err);
    }
    struct err why = {0};
    struct conf *conf = library_open(inputs_library(), LIBRARY_NET, what, &why);
    bool ok = conf && file_kind_expect(conf, FILE_NET, &why) &&
              apply_sets(inputs, conf, true, &why) && net_load(conf, &options, out, &why);
    conf_close(conf);
    return ok || blame_net(&why, err);
}

bool inputs_option(struct inputs *inputs, int key, char *arg, struct err *err)
{
    switch (key) {
    case OPTION_FORM:
        inputs->form = arg;
        return true;
    case OPTION_WIDTH:
        inputs->width = arg;
        return true;
    case OPTION_WIDTHS:
        inputs->widths = arg;
        return true;
    case OPTION_SET:
        if (!strchr(arg, '='))
            err_set(err, "--set %s: PATH=VALUE is wanted, such as adc.count=64", arg);
        else if (inputs->n_sets == sizeof inputs->sets / sizeof *inputs->sets)
            err_set(err, "more than %zu times --set; write a chip file that extends this one",
                    inputs->n_sets);
        else
            inputs->sets[inputs->n_sets++] = arg;
        return true;
    default:
        return false;
    }
}

bool inputs_chip_net(int key, const char *arg, struct argp_state *state, const char **chip,
                     const char **net)
{
    if (key == ARGP_KEY_ARG && state->arg_num > 1)
        argp_error(state, "'%s' is one argument too many: CHIP and NET are wanted", visible(arg));
    if (key == ARGP_KEY_END && state->arg_num < 2)
        argp_error(state, "CHIP and NET are wanted");
    if (key == ARGP_KEY_ARG)
        *(state->arg_num ? net : chip) = arg;
    return key == ARGP_KEY_ARG || key == ARGP_KEY_END;
}

enum { OPTION_USAGE = 2000 };

// argp's own answer to --help ends the program without a look at what became of the output.
static error_t parse_help(int key, char *arg, struct argp_state *state)
{
    (void)arg;
    if (key != '?' && key != OPTION_USAGE)
        return ARGP_ERR_UNKNOWN;
    unsigned what = key == '?' ? ARGP_HELP_STD_HELP : ARGP_HELP_USAGE;
    argp_state_help(state, stdout, what & ~(unsigned)ARGP_HELP_EXIT_OK);
    exit(inputs_finish(EXIT_OK));
}

// getopt prints options that it does not know as they are.
static void refuse_invisible_options(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (*argv[i] != '-')
            continue;
        char *option = mem_alloc(strlen(argv[i]) + 1, 1);
        memcpy(option, argv[i], strcspn(argv[i], "="));
        bool clean = escape_is_line(option);
        if (!clean)
            fprintf(stderr, "bitline: unknown option '%s'; see bitline --help\n", visible(option));
        free(option);
        if (!clean)
            exit(EXIT_USAGE);
    }
}

void inputs_parse(const struct argp *argp, int argc, char **argv, unsigned flags, void *input)
{
    static const struct argp_option help_options[] = {
        {"help", '?', NULL, 0, "Give this help list", -1},
        {"usage", OPTION_USAGE, NULL, 0, "Give a short usage message", 0},
        {0},
    };
    static const struct argp help = {help_options, parse_help, 0, 0, 0, 0, 0};
    const struct argp_child children[] = {{argp, 0, NULL, 0}, {&help, 0, NULL, 0}, {0}};
    const struct argp both = {.children = children}; // without a parser: input goes to the first
    refuse_invisible_options(argc, argv);
    argp_err_exit_status = EXIT_USAGE;
    bool silent = (flags & ARGP_SILENT) == ARGP_SILENT;
    if (argp_parse(silent ? argp : &both, argc, argv, flags | ARGP_NO_HELP, NULL, input) == ENOMEM)
        mem_fail(0);
}

void inputs_short_help(int argc, char **argv)
{
    static char option[] = "--help";
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (!strcmp(argv[i], "-h"))
            argv[i] = option;
}

const char *inputs_command(int argc, char **argv)
{
    static struct arena *mem;
    arena_destroy(mem);
    mem = arena_create();
    const char *command = "bitline";
    for (int i = 0; i < argc; i++)
        command = arena_printf(mem, "%s %s", command, escape_shell(mem, argv[i]));
    return command;
}

void inputs_say(const char *before, const char *text)
{
    fprintf(stderr, "bitline: %s%s\n", before, visible(text));
}

int inputs_refuse(const struct err *err)
{
    inputs_say("", err->text);
    return err->class == ERR_WORK ? EXIT_FAILED : EXIT_USAGE;
}

void inputs_warn(const struct warnings *warnings)
{
    for (size_t i = 0; i < warnings->n; i++)
        inputs_say("warning: ", warnings->items[i].text);
}

void inputs_warn_json(const struct warnings *warnings, struct jsonw *w)
{
    jsonw_array(w, "warnings");
    for (size_t i = 0; i < warnings->n; i++) {
        jsonw_object(w, NULL);
        jsonw_string(w, "code", warnings->items[i].code);
        jsonw_string(w, "text", warnings->items[i].text);
        jsonw_end(w);
    }
    jsonw_end(w);
}

static int output_error; // errno of the first failure that was seen

void inputs_flush(void)
{
    if (fflush(stdout) != 0 && !output_error)
        output_error = errno;
}

int inputs_finish(int code)
{
    // After an earlier failure this writes the rest, which fails for the same reason if it
    // persists.
    bool earlier = ferror(stdout) != 0;
    inputs_flush();
    if (!earlier && !output_error)
        return code;
    fprintf(stderr, "bitline: the output could not be written: %s\n",
            output_error ? strerror(output_error)
                         : "a write failed; check that the disk is not full");
    return EXIT_FAILED;
}

int inputs_finish_warned(int code, const struct warnings *warnings)
{
    int finished = inputs_finish(code);
    if (finished == code)
        inputs_warn(warnings);
    return finished;
}
