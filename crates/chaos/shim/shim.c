/* A preload shim for fault tests and benches: a slow disk, a full disk, a power cut, a clock that jumps.
 *
 *   CHAOS_SYNC_DELAY_US=N   each fsync and fdatasync takes N microseconds longer
 *   CHAOS_WATCH=DIR         the files under DIR are watched ...
 *   CHAOS_SHADOW=DIR        ... and kept here as they were at their last fsync or fdatasync: what a power cut leaves
 *   CHAOS_CONTROL=FILE      16 bytes, read at every call: clock offset in ms (int64), disk full (int32), unused (int32)
 *
 * A file that was never flushed is not in the shadow; a rename or unlink counts at once. SQLite's -shm is not watched: it
 * is written through a mapping and rebuilt after a crash. Needs nothing but libc:
 *   cc -shared -fPIC -O2 -o shim.so shim.c -ldl -lpthread
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MAX_FDS 4096
#define MAX_FILES 64
#define MAX_RANGES 512
#define COPY_BYTES 65536

#define REAL(name) __typeof__(name) *real_##name = (__typeof__(name) *)resolve(&address_##name, #name)
#define ADDRESS(name) static void *address_##name

struct range {
    off_t from, to;
};

struct file {
    char path[PATH_MAX], shadow[PATH_MAX];
    pthread_mutex_t lock;
    struct range dirty[MAX_RANGES];
    int ranges;
};

struct control {
    volatile int64_t clock_offset_ms;
    volatile int32_t disk_full, unused;
};

static struct file files[MAX_FILES];
static int file_count;
static struct file *by_fd[MAX_FDS];
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
static char watched[PATH_MAX], shadow_dir[PATH_MAX];
static size_t watched_length;
static long delay_us;
static struct control *control;

ADDRESS(open);
ADDRESS(openat);
ADDRESS(close);
ADDRESS(write);
ADDRESS(pwrite);
ADDRESS(ftruncate);
ADDRESS(fsync);
ADDRESS(fdatasync);
ADDRESS(rename);
ADDRESS(unlink);
ADDRESS(clock_gettime);
ADDRESS(posix_fallocate);

static void *resolve(void **address, const char *name) {
    if (*address == NULL)
        *address = dlsym(RTLD_NEXT, name);
    return *address;
}

__attribute__((constructor)) static void start(void) {
    REAL(open);
    const char *text = getenv("CHAOS_SYNC_DELAY_US");
    delay_us = text ? atol(text) : 0;
    if ((text = getenv("CHAOS_WATCH")) && realpath(text, watched))
        watched_length = strlen(watched);
    if ((text = getenv("CHAOS_SHADOW")) && !realpath(text, shadow_dir))
        shadow_dir[0] = 0;
    if ((text = getenv("CHAOS_CONTROL"))) {
        int fd = real_open(text, O_RDONLY | O_CLOEXEC);
        void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED) {
            fprintf(stderr, "shim: %s cannot be mapped\n", text);
            _exit(97);
        }
        control = map;
        close(fd);
    }
}

static int ends_with(const char *text, const char *end) {
    size_t length = strlen(text), wanted = strlen(end);
    return length >= wanted && strcmp(text + length - wanted, end) == 0;
}

/* The whole path under the watched folder, or NULL. The last part need not exist. */
static const char *under_watch(const char *path, char *whole) {
    char folder[PATH_MAX], real_folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (watched_length == 0 || strlen(path) >= PATH_MAX)
        return NULL;
    if (slash == NULL) {
        strcpy(folder, ".");
    } else {
        size_t length = slash == path ? 1 : (size_t)(slash - path);
        memcpy(folder, path, length);
        folder[length] = 0;
    }
    if (!realpath(folder, real_folder) || strncmp(real_folder, watched, watched_length) != 0)
        return NULL;
    if (real_folder[watched_length] != 0) /* only the folder itself, none below */
        return NULL;
    if (snprintf(whole, PATH_MAX, "%s/%s", real_folder, slash ? slash + 1 : path) >= PATH_MAX)
        return NULL;
    return ends_with(whole, "-shm") ? NULL : whole;
}

static struct file *known(const char *whole, int make) {
    for (int i = 0; i < file_count; i++)
        if (strcmp(files[i].path, whole) == 0)
            return &files[i];
    if (!make || file_count == MAX_FILES)
        return NULL;
    struct file *file = &files[file_count++];
    strcpy(file->path, whole);
    pthread_mutex_init(&file->lock, NULL);
    if (snprintf(file->shadow, PATH_MAX, "%s/%s", shadow_dir, strrchr(whole, '/') + 1) >= PATH_MAX)
        abort();
    return file;
}

static struct file *of(int fd) { return fd >= 0 && fd < MAX_FDS ? by_fd[fd] : NULL; }

/* With the file's lock held. Ranges only have to cover what was written: too much is no mistake. */
static void soil(struct file *file, off_t from, off_t to) {
    for (int i = 0; i < file->ranges; i++) {
        struct range *range = &file->dirty[i];
        if (from <= range->to && range->from <= to) {
            range->from = from < range->from ? from : range->from;
            range->to = to > range->to ? to : range->to;
            return;
        }
    }
    if (file->ranges == MAX_RANGES) {
        for (int i = 1; i < MAX_RANGES; i++) {
            struct range *all = &file->dirty[0], *one = &file->dirty[i];
            all->from = one->from < all->from ? one->from : all->from;
            all->to = one->to > all->to ? one->to : all->to;
        }
        file->ranges = 1;
        soil(file, from, to);
        return;
    }
    file->dirty[file->ranges++] = (struct range){from, to};
}

static void soil_fd(int fd, off_t from, off_t to) {
    struct file *file = of(fd);
    if (!file)
        return;
    pthread_mutex_lock(&file->lock);
    soil(file, from, to);
    pthread_mutex_unlock(&file->lock);
}

static int opened(int fd, const char *path, int flags) {
    char whole[PATH_MAX];
    if (fd < 0 || fd >= MAX_FDS)
        return fd;
    pthread_mutex_lock(&table);
    by_fd[fd] = NULL;
    if ((flags & O_ACCMODE) != O_RDONLY && under_watch(path, whole)) {
        by_fd[fd] = known(whole, 1);
        if (by_fd[fd] && flags & O_TRUNC)
            soil_fd(fd, 0, INT64_MAX);
    }
    pthread_mutex_unlock(&table);
    return fd;
}

int open(const char *path, int flags, ...) {
    REAL(open);
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return opened(real_open(path, flags, mode), path, flags);
}

int open64(const char *path, int flags, ...) {
    REAL(open);
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return opened(real_open(path, flags | O_LARGEFILE, mode), path, flags);
}

static int open_at(int folder, const char *path, int flags, mode_t mode) {
    REAL(openat);
    int fd = real_openat(folder, path, flags, mode);
    return folder == AT_FDCWD || path[0] == '/' ? opened(fd, path, flags) : fd;
}

int openat(int folder, const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return open_at(folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return open_at(folder, path, flags | O_LARGEFILE, mode);
}

int close(int fd) {
    REAL(close);
    if (fd >= 0 && fd < MAX_FDS) {
        pthread_mutex_lock(&table);
        by_fd[fd] = NULL;
        pthread_mutex_unlock(&table);
    }
    return real_close(fd);
}

/* Whether a write up to `to` must fail as on a full disk: what fits in the file as it is still succeeds. */
static int is_refused(int fd, off_t to) {
    struct stat now;
    return control && control->disk_full && of(fd) && fstat(fd, &now) == 0 && to > now.st_size;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    REAL(pwrite);
    if (is_refused(fd, at + (off_t)count)) {
        errno = ENOSPC;
        return -1;
    }
    ssize_t done = real_pwrite(fd, bytes, count, at);
    if (done > 0)
        soil_fd(fd, at, at + done);
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) { return pwrite(fd, bytes, count, at); }

ssize_t write(int fd, const void *bytes, size_t count) {
    REAL(write);
    if (!of(fd))
        return real_write(fd, bytes, count);
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (is_refused(fd, at + (off_t)count)) {
        errno = ENOSPC;
        return -1;
    }
    ssize_t done = real_write(fd, bytes, count);
    if (done > 0)
        soil_fd(fd, at < 0 ? 0 : at, at < 0 ? INT64_MAX : at + done);
    return done;
}

int ftruncate(int fd, off_t size) {
    REAL(ftruncate);
    struct stat before;
    if (is_refused(fd, size)) {
        errno = ENOSPC;
        return -1;
    }
    int is_known = of(fd) && fstat(fd, &before) == 0;
    int outcome = real_ftruncate(fd, size);
    if (outcome == 0 && is_known)
        soil_fd(fd, size < before.st_size ? size : before.st_size, INT64_MAX);
    return outcome;
}

int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

int posix_fallocate(int fd, off_t at, off_t count) {
    REAL(posix_fallocate);
    if (is_refused(fd, at + count))
        return ENOSPC;
    soil_fd(fd, at, at + count);
    return real_posix_fallocate(fd, at, count);
}

/* Brings the shadow to what the file is now, where it was written since. */
static void keep(int fd) {
    static __thread char buffer[COPY_BYTES];
    REAL(open);
    REAL(pwrite);
    REAL(ftruncate);
    REAL(close);
    struct file *file = of(fd);
    struct stat now;
    if (!file || !shadow_dir[0])
        return;
    pthread_mutex_lock(&file->lock);
    int from = real_open(file->path, O_RDONLY | O_CLOEXEC);
    int to = from < 0 ? -1 : real_open(file->shadow, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (to < 0 || fstat(from, &now) != 0) {
        fprintf(stderr, "shim: %s cannot be kept: %s\n", file->path, strerror(errno));
        abort();
    }
    for (int i = 0; i < file->ranges; i++) {
        off_t at = file->dirty[i].from, end = file->dirty[i].to < now.st_size ? file->dirty[i].to : now.st_size;
        while (at < end) {
            size_t count = end - at < COPY_BYTES ? (size_t)(end - at) : COPY_BYTES;
            ssize_t got = pread(from, buffer, count, at);
            if (got <= 0)
                break;
            if (real_pwrite(to, buffer, (size_t)got, at) != got)
                abort();
            at += got;
        }
    }
    file->ranges = 0;
    if (real_ftruncate(to, now.st_size) != 0)
        abort();
    real_close(from);
    real_close(to);
    pthread_mutex_unlock(&file->lock);
}

static void linger(void) {
    struct timespec rest = {delay_us / 1000000, delay_us % 1000000 * 1000};
    if (delay_us > 0)
        nanosleep(&rest, NULL);
}

int fsync(int fd) {
    REAL(fsync);
    int outcome = real_fsync(fd);
    if (outcome == 0)
        keep(fd);
    linger();
    return outcome;
}

int fdatasync(int fd) {
    REAL(fdatasync);
    int outcome = real_fdatasync(fd);
    if (outcome == 0)
        keep(fd);
    linger();
    return outcome;
}

int rename(const char *from, const char *to) {
    REAL(rename);
    char whole_from[PATH_MAX], whole_to[PATH_MAX], shadow_from[PATH_MAX * 2], shadow_to[PATH_MAX * 2];
    int is_watched = under_watch(from, whole_from) && under_watch(to, whole_to);
    int outcome = real_rename(from, to);
    if (outcome == 0 && is_watched && shadow_dir[0]) {
        snprintf(shadow_from, sizeof shadow_from, "%s/%s", shadow_dir, strrchr(whole_from, '/') + 1);
        snprintf(shadow_to, sizeof shadow_to, "%s/%s", shadow_dir, strrchr(whole_to, '/') + 1);
        /* What was never flushed is an empty file after a power cut, under its new name. */
        if (real_rename(shadow_from, shadow_to) != 0)
            fclose(fopen(shadow_to, "w"));
    }
    return outcome;
}

int unlink(const char *path) {
    REAL(unlink);
    char whole[PATH_MAX], shadow[PATH_MAX * 2];
    int is_watched = under_watch(path, whole) != NULL;
    int outcome = real_unlink(path);
    if (outcome == 0 && is_watched && shadow_dir[0]) {
        snprintf(shadow, sizeof shadow, "%s/%s", shadow_dir, strrchr(whole, '/') + 1);
        real_unlink(shadow);
    }
    return outcome;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int outcome = real_clock_gettime(clock, now);
    if (outcome == 0 && control && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t ns = now->tv_sec * 1000000000LL + now->tv_nsec + control->clock_offset_ms * 1000000LL;
        now->tv_sec = ns / 1000000000LL;
        now->tv_nsec = ns % 1000000000LL;
    }
    return outcome;
}
