#include "tests/models/support.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/conf/conf.h"

struct conf *read_part(const char *yaml, const struct conf_field *fields, void *out)
{
    struct err err = {0};
    struct conf *conf = conf_parse("part.yaml", yaml, strlen(yaml), &err);
    if (!conf || !conf_bind(conf, conf->root, fields, out, &err))
        fail_msg("%s", err.text);
    return conf;
}

void printed_check(double got, const char *printed, const char *what, const char *file, int line)
{
    char *end;
    double want = strtod(printed, &end);
    const char *point = strchr(printed, '.');
    double unit = 1;
    for (const char *digit = point ? point + 1 : end; digit < end; digit++)
        unit /= 10;
    if (fabs(got - want) <= unit / 2 * (1 + 1e-9))
        return;
    print_error("%s is %.17g, printed %s\n", what, got, printed);
    _fail(file, line);
}

void assert_told(const struct err *err, const char *part)
{
    if (!strstr(err->text, part))
        fail_msg("'%s' does not hold '%s'", err->text, part);
}
