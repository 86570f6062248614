// err, warn, mem (failures too), hash and rng: the small ones.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/warn.h"

static void first_failure_wins(void **state)
{
    (void)state;
    struct err err = {0};
    assert_false(err_set(&err, "%d is too few", 3));
    assert_false(err_set(&err, "another"));
    assert_string_equal(err.text, "3 is too few");
    assert_false(err_set(NULL, "nobody listens"));
}

static void a_warning_is_kept_once(void **state)
{
    (void)state;
    struct warnings warnings = {0};
    for (int i = 0; i < 100; i++)
        warn_add(&warnings, "few", "%d is too few", i % 3);
    warn_add(&warnings, "other", "%d is too few", 1);
    assert_int_equal(warnings.n, 4);
    assert_string_equal(warnings.items[2].text, "2 is too few");
    assert_string_equal(warnings.items[3].code, "other");
    warn_add(NULL, "few", "ignored");
    warnings_fini(&warnings);
    assert_int_equal(warnings.n, 0);
}

static void long_sentences_keep_both_ends(void **state)
{
    (void)state;
    char path[5000], e[sizeof path] = "";
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = 0;
    memcpy(path, "/first", 6);
    struct err err = {0};
    err_set(&err, "%s: there is no such file; check the name", path);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_memory_equal(err.text, "/first", 6);
    assert_non_null(strstr(err.text, "pp ... pp"));
    assert_non_null(strstr(err.text, "pp: there is no such file; check the name"));
    // No half characters, wherever the cuts fall: U+00E9 has two bytes.
    for (size_t i = 0; i + 2 < sizeof e; i += 2)
        memcpy(e + i, "\xc3\xa9", 3);
    for (int shift = 0; shift < 4; shift++) {
        struct err accents = {0};
        err_set(&accents, "%.*s%s: no", shift, "abcd", e);
        const unsigned char *c = (const unsigned char *)accents.text;
        while (*c)
            if (*c == 0xc3) {
                assert_int_equal(c[1], 0xa9);
                c += 2;
            } else {
                assert_true(*c < 0x80);
                c++;
            }
    }
    // What just fits is left alone.
    for (int n = (int)sizeof err.text - 3; n < (int)sizeof err.text + 3; n++) {
        struct err edge = {0};
        err_set(&edge, "%.*s", n, path);
        bool fits = n < (int)sizeof edge.text;
        assert_int_equal(strlen(edge.text), fits ? n : (int)sizeof edge.text - 1);
        assert_int_equal(strstr(edge.text, "...") == NULL, fits);
    }
}

static void errors_have_classes(void **state)
{
    (void)state;
    struct err input = {0}, work = {0}, wrapped = {0};
    err_set(&input, "bad");
    err_fail(&work, "full");
    assert_int_equal(input.class, ERR_INPUT);
    assert_int_equal(work.class, ERR_WORK);
    err_wrap(&wrapped, &work, "job: %s", work.text);
    err_set(&wrapped, "another");
    assert_string_equal(wrapped.text, "job: full");
    assert_int_equal(wrapped.class, ERR_WORK);
    static const int names[] = {ENOENT, ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG, EACCES, EPERM};
    static const int machine[] = {EIO, EMFILE, ENFILE, ENOMEM, ENOLCK, ESTALE, EBADF, EINTR};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct err err = {0};
        assert_false(err_read(&err, names[i], "file"));
        assert_int_equal(err.class, ERR_INPUT);
    }
    for (size_t i = 0; i < sizeof machine / sizeof *machine; i++) {
        struct err err = {0};
        err_read(&err, machine[i], "file");
        assert_int_equal(err.class, ERR_WORK);
    }
}

static void arena_is_aligned_and_zeroed(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    for (size_t n = 0; n < 40000; n = n * 3 + 1) {
        unsigned char *p = arena_alloc(arena, n, 1);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, n);
    }
    assert_string_equal(arena_printf(arena, "%s-%d", "tile", 7), "tile-7");
    assert_string_equal(arena_strndup(arena, "crossbar", 5), "cross");
    arena_destroy(arena);
    arena_destroy(NULL);
}

static void grow_keeps_items(void **state)
{
    (void)state;
    size_t capacity = 0;
    int *items = NULL;
    for (int i = 0; i < 1000; i++) {
        items = mem_grow(items, &capacity, (size_t)i + 1, sizeof *items);
        items[i] = i;
    }
    assert_true(capacity >= 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
    free(items);
}

static jmp_buf failed;
static size_t failed_bytes;

static void note_failure(size_t bytes)
{
    failed_bytes = bytes;
    longjmp(failed, 1);
}

// The index of the allocation that fails, from 1; 0: none did.
static int run_with_failure(uint64_t n)
{
    static volatile int at;
    static struct arena *arena;
    at = 0;
    arena = arena_create();
    if (setjmp(failed) == 0) {
        mem_fail_at(n);
        for (at = 1; at <= 4; at++) {
            if (at == 1)
                free(mem_alloc(7, 3));
            else if (at == 2)
                free(mem_resize(NULL, 5, 8));
            else if (at == 3)
                free(mem_bytes(11));
            else
                arena_alloc(arena, 100000, 1);
        }
        at = 0;
    }
    mem_fail_at(0);
    arena_destroy(arena);
    return at;
}

static void nth_allocation_fails(void **state)
{
    (void)state;
    static const size_t bytes[] = {21, 40, 11, 100000};
    mem_on_failure(note_failure);
    for (int n = 1; n <= 4; n++) {
        assert_int_equal(run_with_failure((uint64_t)n), n);
        assert_in_range(failed_bytes, bytes[n - 1], bytes[n - 1] + 256);
    }
    assert_int_equal(run_with_failure(5), 0);
    assert_int_equal(run_with_failure(0), 0);
    mem_on_failure(NULL);
}

static void too_many_bytes_fail(void **state)
{
    (void)state;
    mem_on_failure(note_failure);
    if (setjmp(failed) == 0) {
        mem_alloc(SIZE_MAX / 2, 4);
        fail();
    }
    assert_true(failed_bytes == SIZE_MAX);
    mem_on_failure(NULL);
}

// The vectors of the FNV reference code.
static void hash_is_fnv1a(void **state)
{
    (void)state;
    assert_true(hash_bytes(HASH_START, "", 0) == UINT64_C(0xcbf29ce484222325));
    assert_true(hash_bytes(HASH_START, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(hash_bytes(HASH_START, "foobar", 6) == UINT64_C(0x85944171f73967e8));
    uint64_t half = hash_bytes(HASH_START, "foo", 3);
    assert_true(hash_bytes(half, "bar", 3) == UINT64_C(0x85944171f73967e8));
}

// The vectors of the Random123 distribution (kat_vectors, philox4x32 10).
static void rng_is_philox(void **state)
{
    (void)state;
    static const uint32_t zero[4], ones[4] = {~0U, ~0U, ~0U, ~0U};
    static const uint32_t pi[4] = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};
    static const uint32_t pi_key[2] = {0xa4093822, 0x299f31d0};
    static const uint32_t want_zero[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    static const uint32_t want_ones[4] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
    static const uint32_t want_pi[4] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
    uint32_t got[4];
    rng_philox(zero, zero, got);
    assert_memory_equal(got, want_zero, sizeof got);
    rng_philox(ones, ones, got);
    assert_memory_equal(got, want_ones, sizeof got);
    rng_philox(pi, pi_key, got);
    assert_memory_equal(got, want_pi, sizeof got);
}

static void rng_depends_on_seed_and_index(void **state)
{
    (void)state;
    uint64_t first = rng_u64(1, RNG_PLACEMENT, 0);
    assert_true(first == rng_u64(1, RNG_PLACEMENT, 0));
    assert_true(first != rng_u64(1, RNG_PLACEMENT, 1));
    assert_true(first != rng_u64(2, RNG_PLACEMENT, 0));
    assert_true(first != rng_u64(UINT64_C(1) << 32 | 1, RNG_PLACEMENT, 0));
    assert_true(first != rng_u64(1, RNG_PLACEMENT, UINT64_C(1) << 32));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_failure_wins),
        cmocka_unit_test(a_warning_is_kept_once),
        cmocka_unit_test(long_sentences_keep_both_ends),
        cmocka_unit_test(errors_have_classes),
        cmocka_unit_test(arena_is_aligned_and_zeroed),
        cmocka_unit_test(grow_keeps_items),
        cmocka_unit_test(hash_is_fnv1a),
        cmocka_unit_test(rng_is_philox),
        cmocka_unit_test(rng_depends_on_seed_and_index),
        cmocka_unit_test(nth_allocation_fails),
        cmocka_unit_test(too_many_bytes_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
