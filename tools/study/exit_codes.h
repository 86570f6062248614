// Exit codes of bitline and bitline-mpi (docs/exit-codes.md).
#pragma once

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };
