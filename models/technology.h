// The technology node that a part's energies, times and areas belong to. Nothing is scaled from one
// node to another: the key states where the numbers are from, so that mixtures can be reported.
#pragma once
#include <stddef.h>

#include "base/conf/conf.h"

// A line of a part's table of keys; the member is a double, in metres, -1 where it is not stated.
#define TECHNOLOGY_FIELD(type, member)                                                             \
    {                                                                                              \
        "technology", CONF_QTY, .offset = offsetof(type, member), .min = 1e-9, .max = 1e-6,        \
                                .unit = "m", .fallback = "auto", .word = "auto",                   \
                                .help = "node that these numbers belong to; nothing is scaled; "   \
                                        "auto: the chip's technology"                              \
    }
