// What the lines of progress on a terminal share.
#pragma once

// Prints ", 1:02:03 left" on stderr.
void progress_left(double seconds);
