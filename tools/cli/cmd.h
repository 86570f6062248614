// The subcommands: each parses its own arguments, calls the library and prints. Exit codes: 0 ok, 1
// the work failed, 2 bad usage or bad input.
#pragma once

#include "tools/study/exit_codes.h"

int cmd_check(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_search(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_sweep(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_train(int argc, char **argv);
