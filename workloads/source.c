#include "workloads/source.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// zlib keeps what it is given as input const only if asked.
#define ZLIB_CONST
#include <zlib.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"

enum { GZIP = 16 + MAX_WBITS, SCRAP = 16384 };

struct source {
    const char *path;
    char *bytes; // the file as it lies on the disk
    size_t n;
    size_t at; // bytes given out, unpacked
    bool packed, ended;
    z_stream z;
};

// Out of memory ends the program in mem.c, also for zlib.
static voidpf unpack_alloc(voidpf opaque, uInt n, uInt size)
{
    (void)opaque;
    return mem_alloc(n, size);
}

static void unpack_free(voidpf opaque, voidpf p)
{
    (void)opaque;
    free(p);
}

struct source *source_open(const char *path, size_t limit, struct err *err)
{
    size_t n;
    char *bytes = file_read(path, limit < UINT32_MAX ? limit : UINT32_MAX, &n, err);
    if (!bytes)
        return NULL;
    struct source *source = mem_alloc(1, sizeof *source);
    *source = (struct source){.path = path, .bytes = bytes, .n = n};
    source->packed = n >= 2 && memcmp(bytes, "\x1f\x8b", 2) == 0;
    if (!source->packed)
        return source;
    source->z.zalloc = unpack_alloc;
    source->z.zfree = unpack_free;
    source->z.next_in = (const Bytef *)bytes;
    source->z.avail_in = (uInt)n;
    if (inflateInit2(&source->z, GZIP) == Z_OK)
        return source;
    err_set(err, "%s: zlib %s cannot be used to unpack it; unpack it with gunzip", path,
            zlibVersion());
    source->packed = false;
    source_close(source);
    return NULL;
}

void source_close(struct source *source)
{
    if (!source)
        return;
    if (source->packed)
        inflateEnd(&source->z);
    free(source->bytes);
    free(source);
}

// Up to n bytes; fewer only where the packed data ends. False if they are damaged or cut.
static bool unpack(struct source *source, void *to, size_t n, size_t *got, struct err *err)
{
    z_stream *z = &source->z;
    z->next_out = to;
    z->avail_out = (uInt)n;
    while (z->avail_out && !source->ended) {
        int rc = inflate(z, Z_NO_FLUSH);
        size_t place = source->n - z->avail_in;
        if (rc == Z_STREAM_END)
            source->ended = true;
        else if (rc == Z_BUF_ERROR)
            return err_set(err,
                           "%s: the packed file is cut: it ends at byte %zu, where %zu bytes are "
                           "unpacked; fetch it again",
                           source->path, place, source->at + n - z->avail_out);
        else if (rc != Z_OK)
            return err_set(err, "%s: is damaged near byte %zu (%s); fetch it again", source->path,
                           place, z->msg ? z->msg : "no gzip data");
    }
    *got = n - z->avail_out;
    return true;
}

static bool take(struct source *source, void *to, size_t n, size_t promised, struct err *err)
{
    size_t got = n;
    if (source->packed && !unpack(source, to, n, &got, err))
        return false;
    if (!source->packed) {
        got = source->n - source->at < n ? source->n - source->at : n;
        memcpy(to, source->bytes + source->at, got);
    }
    source->at += got;
    return got == n ||
           err_set(err, "%s: ends at byte %zu%s, where %zu are promised; fetch it again",
                   source->path, source->at, source->packed ? " once unpacked" : "", promised);
}

bool source_read(struct source *source, void *to, size_t n, size_t promised, struct err *err)
{
    uint8_t scrap[SCRAP];
    while (n) {
        size_t part = n < SCRAP ? n : SCRAP;
        void *into = scrap;
        if (to)
            into = to;
        if (!take(source, into, part, promised, err))
            return false;
        to = to ? (char *)to + part : NULL;
        n -= part;
    }
    return true;
}

bool source_end(struct source *source, struct err *err)
{
    uint8_t more;
    size_t got = source->n > source->at;
    if (source->packed && !unpack(source, &more, 1, &got, err))
        return false;
    if (got)
        return err_set(err,
                       "%s: goes on after byte %zu%s, where its header promises the end; fetch it "
                       "again",
                       source->path, source->at, source->packed ? " once unpacked" : "");
    if (source->packed && source->z.avail_in)
        return err_set(err, "%s: %u bytes follow the packed data at byte %zu; fetch it again",
                       source->path, source->z.avail_in, source->n - source->z.avail_in);
    return true;
}
