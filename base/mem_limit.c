#include "base/mem_limit.h"

#include <float.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/units.h"

// DBL_MAX if the system does not report it.
static double machine_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (double)pages * (double)size : DBL_MAX;
}

static double process_bytes(void)
{
    struct rlimit limit;
    bool limited = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return limited ? (double)limit.rlim_cur : DBL_MAX;
}

static bool within(double bytes, double limit, const char *whose, const char *what,
                   const char *remedy, struct err *err)
{
    char need[32], have[32];
    if (bytes <= limit)
        return true;
    units_format(need, sizeof need, bytes, "B");
    units_format(have, sizeof have, limit, "B");
    return err_set(err, "%.200s needs at least %s of memory, this %s %s; %s", what, need, whose,
                   have, remedy);
}

bool mem_fits_machine(double bytes, const char *what, const char *remedy, struct err *err)
{
    return within(bytes, machine_bytes(), "machine has", what, remedy, err);
}

bool mem_fits(double bytes, const char *what, const char *remedy, struct err *err)
{
    return mem_fits_machine(bytes, what, remedy, err) &&
           within(bytes, process_bytes(), "process may have", what, remedy, err);
}
