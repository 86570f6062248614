// The process as the program finds it at its start.
#pragma once

// Makes writes fail where a signal would end the program without a word: SIGXFSZ (a limit on the
// size of files) and SIGPIPE (nobody reads the output any more). Programs that are started from
// here get the default actions back. Descriptors 0 to 2 that are closed are occupied, so that no
// file gets their number; they still cannot be read or written. POSIXLY_CORRECT leaves the
// environment: with it, options behind the first operand would be files.
void process_init(void);
