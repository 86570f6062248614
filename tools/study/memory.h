#pragma once

// Before the first call of SQLite.
void store_memory(void);
