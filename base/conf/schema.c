// Describes the fields of a table, in messages and in the reference.
#include "base/conf/tree.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/name.h"
#include "base/units.h"

static void add_names(struct line *line, const char *const *names)
{
    for (size_t i = 0; names[i]; i++)
        line_add(line, "%s%s", i ? ", " : "", names[i]);
}

static void add_keys(struct line *line, const struct conf_field *fields)
{
    for (size_t i = 0; fields[i].key; i++)
        line_add(line, "%s%s", i ? ", " : "", fields[i].key);
}

static void add_number(struct line *line, const struct conf_field *field, double value)
{
    char text[64];
    if (field->kind == CONF_QTY)
        line_add(line, "%s", units_format(text, sizeof text, value, field->unit));
    else if (field->kind == CONF_NUM || field->kind == CONF_NUMS)
        line_add(line, "%.6g", value);
    else
        line_add(line, "%.0f", value);
}

static void add_range(struct line *line, const struct conf_field *field)
{
    bool integer = field->kind == CONF_INT || field->kind == CONF_INTS;
    if (field->min == 0 && field->max == 0) {
        if (field->kind == CONF_QTY)
            line_add(line, "any %s in %s", units_dimension(field->unit), field->unit);
        else
            line_add(line, integer ? "any integer" : "any number");
    } else if (field->max >= DBL_MAX) {
        add_number(line, field, field->min);
        line_add(line, " or more");
    } else {
        add_number(line, field, field->min);
        line_add(line, "..");
        add_number(line, field, field->max);
    }
    if (field->word)
        line_add(line, " or %s", field->word);
}

bool schema_is_list(const struct conf_field *field)
{
    return field->kind == CONF_INTS || field->kind == CONF_NUMS || field->kind == CONF_STRS ||
           field->kind == CONF_SECTIONS;
}

char *schema_allowed(char *buf, size_t n, const struct conf_field *field)
{
    struct line line = {.buf = buf, .n = n};
    *buf = 0;
    switch (field->kind) {
    case CONF_BOOL:
        line_add(&line, "true or false");
        break;
    case CONF_INT:
    case CONF_NUM:
    case CONF_QTY:
        add_range(&line, field);
        break;
    case CONF_INTS:
    case CONF_NUMS:
        line_add(&line, "a list of ");
        add_range(&line, field);
        for (int i = 0; field->names && field->names[i]; i++)
            line_add(&line, " or %s", field->names[i]);
        break;
    case CONF_ENUM:
        add_names(&line, field->names);
        break;
    case CONF_STR:
        line_add(&line, "a string");
        break;
    case CONF_NAME:
        line_add(&line, "%s", NAME_RULE);
        break;
    case CONF_TEXT:
        line_add(&line, "a string without control characters");
        break;
    case CONF_STRS:
        line_add(&line, "a string or a list of strings");
        break;
    case CONF_SECTION:
        line_add(&line, "a map of ");
        add_keys(&line, field->fields);
        break;
    case CONF_SECTIONS:
        line_add(&line, "a list of maps of ");
        add_keys(&line, field->fields);
        break;
    case CONF_NODE:
        line_add(&line, "%s", field->word);
        break;
    }
    return buf;
}

static const char *kind_name(const struct conf_field *field)
{
    switch (field->kind) {
    case CONF_INT:
        return "integer ";
    case CONF_NUM:
        return "number ";
    case CONF_QTY:
        return units_dimension(field->unit);
    case CONF_INTS:
        return "integers, ";
    case CONF_NUMS:
        return "numbers, ";
    case CONF_ENUM:
        return "one of ";
    case CONF_NAME:
        return "a name, ";
    case CONF_SECTION:
        return "a map";
    case CONF_SECTIONS:
        return "a list of maps";
    case CONF_BOOL:
    case CONF_STR:
    case CONF_TEXT:
    case CONF_STRS:
    case CONF_NODE:
        break;
    }
    return "";
}

static void print_field(const struct conf_field *field, int indent, FILE *out)
{
    char allowed[600] = "";
    bool section = field->kind == CONF_SECTION || field->kind == CONF_SECTIONS;
    if (!section)
        schema_allowed(allowed, sizeof allowed, field);
    fprintf(out, "%*s%s: %s%s%s", indent, "", field->key, kind_name(field),
            field->kind == CONF_QTY ? " " : "", allowed);
    if (field->fallback)
        fprintf(out, "; default %s", *field->fallback ? field->fallback : "empty");
    else
        fputs(field->optional               ? "; optional"
              : field->kind == CONF_SECTION ? ""
                                            : "; required",
              out);
    fputc('\n', out);
    if (field->help)
        fprintf(out, "%*s    %s\n", indent, "", field->help);
    if (section)
        conf_print_schema(field->fields, indent + 2, out);
}

void conf_print_schema(const struct conf_field *fields, int indent, FILE *out)
{
    for (; fields->key; fields++)
        print_field(fields, indent, out);
}
