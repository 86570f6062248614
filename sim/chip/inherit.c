#include "sim/chip/inherit.h"

#include <stdio.h>
#include <string.h>

#include "base/warn.h"
#include "sim/chip/chip.h"
#include "base/conf/conf.h"

enum { MAX_KEPT = 4 };

// A key, and numbers that were found for one value of it.
static const struct rule {
    const char *key;
    const char *kept[MAX_KEPT + 1];
} rules[] = {
    // V^2 / R * t, and more pulses for more levels.
    {"cell.bits", {"cell.read_energy", "cell.write_energy", "cell.write_time"}},
    {"cell.r_lrs", {"cell.read_energy", "cell.write_energy"}},
    {"cell.read_voltage", {"cell.read_energy"}},
    {"cell.read_time", {"cell.read_energy"}},
    {"cell.write_voltage", {"cell.write_energy"}},
    {"cell.write_time", {"cell.write_energy"}},
    // A row's driver charges all its columns; a sampler holds one column.
    {"crossbar.rows", {"crossbar.overhead_area"}},
    {"crossbar.columns", {"crossbar.overhead_area", "dac.energy", "pe.sample_hold.count"}},
    {"dac.bits", {"dac.time", "dac.energy", "dac.area"}},
    {"adc.bits", {"adc.time", "adc.energy", "adc.area"}},
    // Numbers of another node.
    {"technology", {"adc.energy", "tile.adder.energy", "noc.router_energy", "pe.shift_add.energy"}},
    {"cell.technology", {"cell.read_time", "cell.area"}},
    {"dac.technology", {"dac.time", "dac.energy", "dac.area"}},
    {"adc.technology", {"adc.time", "adc.energy", "adc.area"}},
    {"pe.buffer.technology", {"pe.buffer.time", "pe.buffer.read_energy", "pe.buffer.area"}},
    {"pe.input_register.technology", {"pe.input_register.energy", "pe.input_register.area"}},
    {"pe.output_register.technology", {"pe.output_register.energy", "pe.output_register.area"}},
    {"pe.sample_hold.technology", {"pe.sample_hold.energy", "pe.sample_hold.area"}},
    {"pe.shift_add.technology", {"pe.shift_add.time", "pe.shift_add.energy", "pe.shift_add.area"}},
    {"tile.buffer.technology", {"tile.buffer.time", "tile.buffer.read_energy", "tile.buffer.area"}},
    {"tile.bus.technology", {"tile.bus.energy", "tile.bus.area"}},
    {"tile.adder.technology", {"tile.adder.time", "tile.adder.energy", "tile.adder.area"}},
    {"tile.output.technology", {"tile.output.time", "tile.output.energy", "tile.output.area"}},
    {"tile.output_register.technology",
     {"tile.output_register.energy", "tile.output_register.area"}},
    {"tile.residual_adder.technology", {"tile.residual_adder.time", "tile.residual_adder.energy"}},
    {"tile.pool.technology", {"tile.pool.time", "tile.pool.energy", "tile.pool.area"}},
    {"noc.technology", {"noc.router_time", "noc.router_energy", "noc.router_area"}},
    {"offchip.technology", {"offchip.energy", "offchip.area", "offchip.power"}},
};

static bool is_set(const struct conf_node *node)
{
    return !strncmp(node->origin, "--set ", 6);
}

bool inherit_is_own(const struct chip *chip, const struct conf_node *node)
{
    return is_set(node) || !strcmp(node->origin, chip->conf->root->origin);
}

// 0: a chip that the file extends states it, 1: the file, 2: --set.
static int nearness(const struct chip *chip, const struct conf_node *node)
{
    return is_set(node) ? 2 : inherit_is_own(chip, node);
}

// Whether a number was stated for another value of the key: by the same file, whose value of the
// key was replaced since, or by one further away than the value in force.
static bool is_stale(const struct chip *chip, const struct conf_node *key,
                     const struct conf_node *kept)
{
    if (kept->kind != CONF_SCALAR || !strcmp(kept->text, "auto"))
        return false;
    const struct conf_node *of = key;
    while (of && strcmp(of->origin, kept->origin) != 0)
        of = of->replaced;
    return of ? strcmp(of->text, key->text) != 0 : nearness(chip, kept) < nearness(chip, key);
}

// Of the chip's technology: a part that states its own node does not depend on it.
static bool has_own_node(const struct conf_node *kept)
{
    const struct conf_node *node = conf_find(kept->parent, "technology");
    return node && node->kind == CONF_SCALAR && strcmp(node->text, "auto") != 0;
}

static void check_rule(const struct chip *chip, const struct rule *rule, struct warnings *warnings)
{
    const struct conf_node *key = conf_find(chip->conf->root, rule->key);
    char list[300] = "";
    size_t used = 0;
    if (!key || key->kind != CONF_SCALAR)
        return;
    for (int k = 0; k < MAX_KEPT && rule->kept[k]; k++) {
        const struct conf_node *kept = conf_find(chip->conf->root, rule->kept[k]);
        if (!kept || !is_stale(chip, key, kept) ||
            (!strcmp(rule->key, "technology") && has_own_node(kept)))
            continue;
        int n = snprintf(list + used, sizeof list - used, "%s%s = %.24s (%.60s:%d)",
                         used ? ", " : "", rule->kept[k], kept->text, kept->origin, kept->line);
        used += n > 0 ? (size_t)n : 0;
        if (used >= sizeof list)
            break;
    }
    if (used)
        warn_add(warnings, "inherited-part",
                 "%s = %.24s is stated in %.60s, but what depends on it is inherited: %s; state it "
                 "too ('bitline show chip --inherited' lists all that is inherited)",
                 rule->key, key->text, is_set(key) ? "--set" : key->origin, list);
}

void inherit_check(const struct chip *chip, struct warnings *warnings)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        check_rule(chip, &rules[i], warnings);
}
