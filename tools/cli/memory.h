// What the programs do when memory runs out.
#pragma once

// Sets the handler of base/mem: it removes the temporary files of the process, prints one
// sentence and ends the process with exit code 1. Workers that are forked later inherit it.
void memory_start(void);
