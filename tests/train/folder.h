// A folder of its own for checkpoints, while a group of tests runs.
#pragma once

extern char folder[];
// The group's set-up and tear-down; the latter fails if anything but checkpoints is left.
int folder_enter(void **state);
int folder_leave(void **state);
