// Does the calendar agree with SimGrid's own network model? Within 1 % on ResNet-20, by rows.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/run/run.h"
#include "sim/run/result.h"
#include "tests/close.h"
#include "tests/support/setup.h"

static void agree_within_one_percent(void **state)
{
    (void)state;
    // The widest first: the process keeps the mesh that the first simulation loads.
    static const char *const widths[] = {"3x", "2x", "1x"};
    for (int i = 0; i < 3; i++) {
        struct setup s = setup_make("hawis", "resnet20", NULL, widths[i], NULL);
        struct result *flows = setup_run(&s, &(struct run_params){.backend = BACKEND_SIMGRID});
        struct result *calendar = setup_run(&s, &(struct run_params){.images = 1});
        assert_close(calendar->latency_s, flows->latency_s, 0.01);
        // The same packets: the same energy but for the leakage of another time.
        assert_true(calendar->energy_without_leakage_j == flows->energy_without_leakage_j);
        result_destroy(flows);
        result_destroy(calendar);
        setup_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(agree_within_one_percent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
