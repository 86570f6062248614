// Memories: MNSIM's SRAM table, which row serves which size, words and costs.
#include "models/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "tests/models/support.h"

static bool resolve(const char *yaml, struct buffer_params *buffer, struct err *err)
{
    *buffer = (struct buffer_params){0};
    struct conf *conf = read_part(yaml, buffer_fields, buffer);
    bool ok = buffer_resolve(buffer, conf->root, err);
    conf_close(conf);
    return ok;
}

static int class_of(const char *nm)
{
    return !strcmp(nm, ">=90") ? 0 : !strcmp(nm, "65..89") ? 1 : 2;
}

// The fixture is MNSIM's table, row by row; each row must serve its largest size and the smallest
// one above the row before.
static void table_is_that_of_mnsim(void **state)
{
    (void)state;
    struct err err = {0};
    size_t n;
    char *text = file_read(FIXTURES "/mnsim_buffers.csv", 1 << 20, &n, &err);
    assert_non_null(text);
    int rows = 0;
    for (char *line = strchr(text, '\n') + 1; *line; line = strchr(line, '\n') + 1, rows++) {
        char nm[16], size[16];
        int bits;
        double mw, read_nj, write_nj, mm2;
        assert_int_equal(sscanf(line, "%15[^,],%15[^,],%d,%lf,%lf,%lf,%lf", nm, size, &bits, &mw,
                                &read_nj, &write_nj, &mm2),
                         7);
        bool last = size[0] == '>';
        double kb = atof(size + last);
        const double sizes[] = {last ? kb * 1024 + 1 : kb * 1024, last      ? 1e9
                                                                  : kb == 2 ? 1
                                                                            : kb * 512 + 1};
        for (int i = 0; i < 2; i++) {
            const struct buffer_row *row = buffer_row(class_of(nm), sizes[i], bits);
            if (!row)
                fail_msg("no row of %s nm, %g B, %d bits", nm, sizes[i], bits);
            assert_close(row->leakage_w, mw * 1e-3, 1e-9);
            assert_close(row->read_j, read_nj * 1e-9, 1e-9);
            assert_close(row->write_j, write_nj * 1e-9, 1e-9);
            assert_close(row->area_m2, mm2 * 1e-6, 1e-9);
        }
    }
    assert_int_equal(rows, 3 * (9 * 4 - 1)); // nine sizes, four widths; 512 bits begin at 4 KB
    free(text);
}

static void sizes_end_where_the_table_says(void **state)
{
    (void)state;
    assert_close(buffer_row(0, 2048, 64)->read_j, 7.5695e-12, 1e-9);
    assert_close(buffer_row(0, 2049, 64)->read_j, 8.54257e-12, 1e-9);
    assert_close(buffer_row(0, 256 * 1024, 64)->read_j, 275.02e-12, 1e-9);
    assert_close(buffer_row(0, 256 * 1024 + 1, 64)->read_j, 356.492e-12, 1e-9);
    assert_null(buffer_row(0, 2048, 512));
    assert_non_null(buffer_row(0, 2049, 512));
    assert_null(buffer_row(0, 2048, 32));
    assert_null(buffer_row(3, 2048, 64));
}

// MNSIM charges an access its dynamic energy and 20 ns of leakage: 27.7 pJ and 33.3 pJ.
static void an_access_costs_what_mnsim_says(void **state)
{
    (void)state;
    struct buffer_params buffer;
    assert_true(resolve("{kind: sram-90nm, bytes: 1 KB, width: 64}", &buffer, NULL));
    assert_printed(buffer.time_s * 1e9, "20");
    assert_printed((buffer.read_j + buffer.time_s * buffer.leakage_w) * 1e12, "27.7");
    assert_printed((buffer.write_j + buffer.time_s * buffer.leakage_w) * 1e12, "33.3");
    assert_printed(buffer.area_m2 * 1e6, "0.0406");
}

static void own_numbers_win_over_the_table(void **state)
{
    (void)state;
    struct buffer_params buffer;
    assert_true(resolve("{kind: sram-45nm, bytes: 16 KB, width: 128, time: 2 ns, leakage: 0 W}",
                        &buffer, NULL));
    assert_close(buffer.time_s, 2e-9, 1e-12);
    assert_true(buffer.leakage_w == 0);
    assert_close(buffer.read_j, 17.5339e-12, 1e-9);
    assert_close(buffer.write_j, 18.7642e-12, 1e-9);
    // Fully busy: a word every 2 ns, reads and writes in turn.
    assert_close(buffer_peak(&buffer), (17.5339e-12 + 18.7642e-12) / 2 / 2e-9, 1e-9);
    buffer.peak_w = 3;
    assert_true(buffer_peak(&buffer) == 3);
}

static void words_are_whole(void **state)
{
    (void)state;
    struct buffer_params buffer = {.width = 64};
    assert_int_equal(buffer_words(&buffer, 0), 0);
    assert_int_equal(buffer_words(&buffer, 1), 1);
    assert_int_equal(buffer_words(&buffer, 64), 1);
    assert_int_equal(buffer_words(&buffer, 65), 2);
    assert_int_equal(buffer_words(&buffer, INT64_C(64) << 40), INT64_C(1) << 40);
}

static void impossible_ones_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *part;
    } cases[] = {
        {"{kind: sram-65nm, bytes: 2 KB, width: 512}",
         "sram-65nm has no words of 512 bits; use 64, 128 or 256 (512 from 4 KB on)"},
        {"{kind: sram-90nm, bytes: 64 KB, width: 96}", "sram-90nm has no words of 96 bits"},
        {"{bytes: 64 KB, time: 1 ns, read_energy: 1 pJ, write_energy: 1 pJ, area: 1 um2}",
         "give kind (sram-90nm, sram-65nm, sram-45nm) or all of"},
        {"{bytes: 64 KB}", "time, read_energy, write_energy, area, leakage"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        struct buffer_params buffer;
        if (resolve(cases[i].yaml, &buffer, &err))
            fail_msg("'%s' passed", cases[i].yaml);
        assert_told(&err, cases[i].part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_that_of_mnsim),
        cmocka_unit_test(sizes_end_where_the_table_says),
        cmocka_unit_test(an_access_costs_what_mnsim_says),
        cmocka_unit_test(own_numbers_win_over_the_table),
        cmocka_unit_test(words_are_whole),
        cmocka_unit_test(impossible_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
