// Magic, version, length; the identity; numbers; values; a hash of all that. Numbers are as the
// machine has them: a checkpoint goes on where it was written.
#include "nets/train/checkpoint.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

static const char magic[8] = "bitline\n";
enum { HEADER = 24, HASH = 8 };
#define LIMIT ((size_t)UINT32_MAX)

// The file while it is written or read: the same walk does both.
struct walk {
    bool write, failed; // failed: lengths do not fit
    char *bytes;
    size_t at, n, capacity;
};

static void pass(struct walk *w, void *data, size_t n)
{
    if (n == 0)
        return;
    if (w->write) {
        w->bytes = mem_grow(w->bytes, &w->capacity, w->at + n, 1);
        memcpy(w->bytes + w->at, data, n);
    } else if (w->failed || n > w->n - w->at) {
        w->failed = true;
        return;
    } else {
        memcpy(data, w->bytes + w->at, n);
    }
    w->at += n;
}

// A number that is known when reading, too.
static void pass_known(struct walk *w, uint64_t value)
{
    uint64_t there = value;
    pass(w, &there, sizeof there);
    w->failed = w->failed || there != value;
}

static void pass_floats(struct walk *w, float *values, size_t n)
{
    pass_known(w, values ? n : 0);
    if (values)
        pass(w, values, n * sizeof *values);
}

static void pass_tensors(struct walk *w, const struct tensors *list)
{
    pass_known(w, list->values);
    for (size_t i = 0; i < list->n; i++)
        pass(w, list->items[i].values, list->items[i].n * sizeof *list->items[i].values);
}

static void pass_rows(struct walk *w, struct train_state *state)
{
    uint64_t stored = state->n_rows;
    pass(w, &stored, sizeof stored);
    if (w->failed || (!w->write && stored > (w->n - w->at) / sizeof *state->rows)) {
        w->failed = true;
        return;
    }
    size_t n = (size_t)stored;
    state->rows = mem_grow(state->rows, &state->rows_capacity, n, sizeof *state->rows);
    state->n_rows = n;
    pass(w, state->rows, n * sizeof *state->rows);
}

static void pass_state(struct walk *w, struct train_state *state)
{
    pass_tensors(w, &state->params);
    pass_floats(w, state->optimiser.first, state->optimiser.n);
    pass_floats(w, state->optimiser.second, state->optimiser.n);
    pass_known(w, state->n_ranges);
    pass(w, state->ranges, state->n_ranges * sizeof *state->ranges);
    pass_tensors(w, &state->best);
    pass(w, &state->best_accuracy, sizeof state->best_accuracy);
    pass(w, &state->step, sizeof state->step);
    pass(w, &state->right, sizeof state->right);
    pass(w, &state->seen, sizeof state->seen);
    pass(w, &state->loss, sizeof state->loss);
    pass(w, &state->seconds, sizeof state->seconds);
    pass_rows(w, state);
}

static void pass_text(struct walk *w, const char *text)
{
    size_t n = strlen(text);
    uint64_t stored = n;
    char *copy = memcpy(mem_alloc(n + 1, 1), text, n);
    pass(w, &stored, sizeof stored);
    pass(w, copy, n);
    free(copy);
}

static char *join(const char *folder, const char *name)
{
    size_t n = strlen(folder) + strlen(name) + 2;
    char *path = mem_alloc(n, 1);
    snprintf(path, n, "%s/%s", folder, name);
    return path;
}

static void pack(struct walk *w, const char *identity, const struct train_state *state)
{
    struct train_state copy = *state; // its rows may not grow: they are as many as they are
    uint32_t version = CHECKPOINT_VERSION, zero = 0;
    uint64_t all = 0, hash;
    char start[sizeof magic];
    memcpy(start, magic, sizeof start);
    pass(w, start, sizeof start);
    pass(w, &version, sizeof version);
    pass(w, &zero, sizeof zero);
    pass(w, &all, sizeof all);
    assert(w->at == HEADER);
    pass_text(w, identity);
    pass_state(w, &copy);
    all = w->at + HASH;
    memcpy(w->bytes + HEADER - sizeof all, &all, sizeof all);
    hash = hash_bytes(HASH_START, w->bytes, w->at);
    pass(w, &hash, sizeof hash);
}

// A checkpoint of the first steps has none before it.
static bool move(const char *from, const char *to, bool optional, struct err *err)
{
    return rename(from, to) == 0 || (optional && errno == ENOENT) ||
           err_fail(err, "%s: cannot become %s: %s", from, to, strerror(errno));
}

// The new one is on the disk before the older ones move.
bool checkpoint_write(const char *folder, const char *identity, const struct train_state *state,
                      struct err *err)
{
    struct walk w = {.write = true};
    char *path = join(folder, "checkpoint"), *fresh = join(folder, "checkpoint.new"),
         *old = join(folder, "checkpoint.old");
    pack(&w, identity, state);
    struct file_out *out = file_create(fresh, err);
    if (out)
        fwrite(w.bytes, 1, w.at, file_stream(out));
    bool ok =
        out && file_commit(out, err) && move(path, old, true, err) && move(fresh, path, false, err);
    free(w.bytes);
    free(path);
    free(fresh);
    free(old);
    return ok;
}

static enum checkpoint_found damaged(struct err *err, const char *path, const char *how)
{
    err_set(err, "%s: %s; remove it, or choose another --out", path, how);
    return CHECKPOINT_DAMAGED;
}

static enum checkpoint_found check_whole(const struct walk *w, const char *path, struct err *err)
{
    uint32_t version;
    uint64_t all, hash;
    if (memcmp(w->bytes, magic, w->n < sizeof magic ? w->n : sizeof magic) != 0)
        return damaged(err, path, "is not a checkpoint");
    if (w->n < HEADER + HASH)
        return damaged(err, path, "is cut short");
    memcpy(&version, w->bytes + sizeof magic, sizeof version);
    if (version != CHECKPOINT_VERSION) {
        err_set(err,
                "%s: has version %u, this program knows %d; go on with the program that wrote it, "
                "or choose another --out",
                path, version, CHECKPOINT_VERSION);
        return CHECKPOINT_REFUSED;
    }
    memcpy(&all, w->bytes + HEADER - sizeof all, sizeof all);
    memcpy(&hash, w->bytes + w->n - HASH, HASH);
    if (all > w->n)
        return damaged(err, path, "is cut short");
    if (all < w->n || hash != hash_bytes(HASH_START, w->bytes, w->n - HASH))
        return damaged(err, path, "is damaged, its checksum is wrong");
    return CHECKPOINT_READ;
}

// The value of a key in lines "KEY VALUE"; NULL: none.
static const char *look_up(const char *lines, const char *key, size_t n_key, size_t *n)
{
    for (const char *at = lines; *at; at += strcspn(at, "\n"), at += *at == '\n')
        if (!strncmp(at, key, n_key) && at[n_key] == ' ') {
            *n = strcspn(at + n_key + 1, "\n");
            return at + n_key + 1;
        }
    return NULL;
}

// Names up to three keys that the two do not have alike.
static void tell_difference(const char *there, const char *here, char *what, size_t room)
{
    size_t used = 0, told = 0;
    *what = 0;
    for (const char *at = here; *at && told < 3; at += strcspn(at, "\n"), at += *at == '\n') {
        size_t n_key = strcspn(at, " \n"), n_here = 0, n_there = 7;
        const char *value = look_up(here, at, n_key, &n_here);
        const char *other = look_up(there, at, n_key, &n_there);
        other = other ? other : "nothing";
        if (!value || (n_here == n_there && !memcmp(value, other, n_here)))
            continue;
        int n =
            snprintf(what + used, room - used, "%s%.*s: %.*s there, %.*s here", told++ ? "; " : "",
                     (int)(n_key < 40 ? n_key : 40), at, (int)(n_there < 50 ? n_there : 50), other,
                     (int)(n_here < 50 ? n_here : 50), value);
        used += n > 0 ? (size_t)n : 0;
        if (used >= room)
            return;
    }
}

static enum checkpoint_found check_identity(struct walk *w, const char *path, const char *identity,
                                            struct err *err)
{
    uint64_t stored = 0;
    char what[400];
    pass(w, &stored, sizeof stored);
    if (w->failed || stored > w->n - w->at)
        return damaged(err, path, "is damaged, a length is wrong");
    size_t n = (size_t)stored;
    char *there = mem_alloc(n + 1, 1);
    pass(w, there, n);
    bool same = !strcmp(there, identity);
    if (!same) {
        tell_difference(there, identity, what, sizeof what);
        err_set(err, "%s: is of another job (%s); choose another --out", path,
                *what ? what : "it has keys that this job lacks");
    }
    free(there);
    return same ? CHECKPOINT_READ : CHECKPOINT_REFUSED;
}

static enum checkpoint_found unpack(struct walk *w, const char *path, const char *identity,
                                    struct train_state *state, struct err *err)
{
    enum checkpoint_found found = check_whole(w, path, err);
    w->at = HEADER;
    w->n -= found == CHECKPOINT_READ ? HASH : 0;
    if (found == CHECKPOINT_READ)
        found = check_identity(w, path, identity, err);
    if (found != CHECKPOINT_READ)
        return found;
    pass_state(w, state);
    return w->failed || w->at != w->n ? damaged(err, path, "is damaged, a length is wrong")
                                      : CHECKPOINT_READ;
}

enum checkpoint_found checkpoint_read(const char *path, const char *identity,
                                      struct train_state *state, struct err *err)
{
    struct stat st;
    struct walk w = {0};
    if (stat(path, &st) != 0) {
        if (errno == ENOENT)
            return CHECKPOINT_NONE;
        err_fail(err, "%s: cannot be read: %s", path, strerror(errno));
        return CHECKPOINT_DAMAGED;
    }
    w.bytes = file_read(path, LIMIT, &w.n, err);
    enum checkpoint_found found =
        w.bytes ? unpack(&w, path, identity, state, err) : CHECKPOINT_DAMAGED;
    free(w.bytes);
    return found;
}

enum checkpoint_found checkpoint_find(const char *folder, const char *identity,
                                      struct train_state *state, struct err *warning,
                                      struct err *err)
{
    // checkpoint.new outlives only a stop between two renames, where it is newer than the old one.
    static const char *const names[] = {"checkpoint", "checkpoint.new", "checkpoint.old"};
    struct err first = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct err why = {0};
        char *path = join(folder, names[i]);
        enum checkpoint_found found = checkpoint_read(path, identity, state, &why);
        free(path);
        if (found == CHECKPOINT_REFUSED)
            err_wrap(err, &why, "%s", why.text);
        if (found == CHECKPOINT_READ && first.text[0])
            err_wrap(warning, &first, "%s", first.text);
        if (found == CHECKPOINT_READ || found == CHECKPOINT_REFUSED)
            return found;
        if (found == CHECKPOINT_DAMAGED)
            err_wrap(&first, &why, "%s", why.text);
    }
    if (!first.text[0])
        return CHECKPOINT_NONE;
    err_wrap(err, &first, "%s", first.text);
    return CHECKPOINT_DAMAGED;
}
