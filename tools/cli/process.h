// Sets up signals, descriptors and environment when the program starts.
#pragma once

// Makes writes fail where a signal would end the program silently: SIGXFSZ (a limit on file size)
// and SIGPIPE (a closed pipe). Child programs get the default actions back. Closed descriptors 0 to
// 2 are occupied, so that no file gets their number; they still cannot be read or written.
// POSIXLY_CORRECT is removed from the environment: with it, options after the first operand would
// be read as files.
void process_init(void);
