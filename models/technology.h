// The technology node of a component's energies, times and areas. Numbers are never scaled to
// another node: the key states their origin, so that mixtures can be reported.
#pragma once
#include <stddef.h>

#include "base/conf/conf.h"

// A line of a component's table of keys; the member is a double, in metres, -1 if not stated.
#define TECHNOLOGY_FIELD(type, member)                                                             \
    {                                                                                              \
        "technology", CONF_QTY,                                                                    \
            .offset = offsetof(type, member), .min = 1e-9, .max = 1e-6, .unit = "m",               \
            .fallback = "auto", .word = "auto",                                                    \
            .help = "technology node of these numbers, which are never scaled; "                   \
                    "auto: the chip's technology"                                                  \
    }
