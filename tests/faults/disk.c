/* Preloaded into a server or a device: the disk below its files, as the scripts beside it want it.

   SATCHEL_DISK_UNDER   only files below this folder are meant; without it nothing is
   SATCHEL_DISK_TRACE   every change of a file and every sync is appended to this file (trace.py)
   SATCHEL_DISK_FAULT   "CALL AT WHAT HOW": the AT-th CALL (open write sync truncate mmap rename)
                        WHAT = EIO | ENOSPC: fails; HOW = once | ever: alone, or with all after it
                        WHAT = hold: does not go on, HOW = before | after it was done, and says so
                        WHAT = note: goes on, and says so, HOW = before | after
   SATCHEL_DISK_ARMED   calls count only while this file is there; without it from the beginning
   SATCHEL_DISK_HELD    the file by which `hold` and `note` say so
   SATCHEL_DISK_COUNTS  at exit, how many of each call there were, is written to this file */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum call { kOpen, kWrite, kSync, kTruncate, kMmap, kRename, kCallCount };
static const char* const kNames[kCallCount] = {"open",     "write", "sync",
                                               "truncate", "mmap",  "rename"};

/* One call at a time, so that the trace has them in the order in which they took effect. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static long counts[kCallCount];
static const char* under;
static int trace = -1;
static int fault_call = kCallCount;
static long fault_at;
static int fault_errno; /* 0: hold or note. */
static int fault_ever, fault_hold, fault_after;

#define REAL(name, ...)                                           \
  __extension__({                                                 \
    static __typeof__(&name) real_;                               \
    if (real_ == NULL) *(void**)&real_ = dlsym(RTLD_NEXT, #name); \
    real_(__VA_ARGS__);                                           \
  })

static void read_fault(const char* text) {
  char call[16], what[16], how[16];
  if (sscanf(text, "%15s %ld %15s %15s", call, &fault_at, what, how) != 4) abort();
  for (fault_call = 0; fault_call < kCallCount; ++fault_call) {
    if (strcmp(call, kNames[fault_call]) == 0) break;
  }
  if (fault_call == kCallCount) abort();
  if (strcmp(what, "EIO") == 0) fault_errno = EIO;
  if (strcmp(what, "ENOSPC") == 0) fault_errno = ENOSPC;
  fault_hold = strcmp(what, "hold") == 0;
  fault_ever = strcmp(how, "ever") == 0;
  fault_after = strcmp(how, "after") == 0;
}

__attribute__((constructor)) static void begin(void) {
  under = getenv("SATCHEL_DISK_UNDER");
  const char* file = getenv("SATCHEL_DISK_TRACE");
  if (file != NULL) trace = REAL(open, file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  const char* fault = getenv("SATCHEL_DISK_FAULT");
  if (fault != NULL) read_fault(fault);
}

__attribute__((destructor)) static void end(void) {
  const char* file = getenv("SATCHEL_DISK_COUNTS");
  if (file == NULL) return;
  const int out = REAL(open, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  for (int i = 0; i < kCallCount; ++i) dprintf(out, "%s %ld\n", kNames[i], counts[i]);
  close(out);
}

static int is_meant(const char* path) {
  return under != NULL && strncmp(path, under, strlen(under)) == 0;
}

/* The path behind a descriptor, if it is meant. */
static int find_path(int fd, char* path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const int before = errno;
  const ssize_t length = readlink(link, path, size - 1);
  errno = before;
  if (length < 0) return 0;
  path[length] = 0;
  return is_meant(path);
}

static void say_held(void) {
  const char* file = getenv("SATCHEL_DISK_HELD");
  if (file == NULL) abort();
  close(REAL(open, file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  while (fault_hold) pause();
}

/* 1: the call is the one that was asked for. Counts it. */
static int is_hit(enum call call) {
  const char* armed = getenv("SATCHEL_DISK_ARMED");
  if (armed != NULL && access(armed, F_OK) != 0) return 0;
  const long number = ++counts[call];
  if ((int)call != fault_call) return 0;
  return number == fault_at || (fault_ever && number > fault_at);
}

/* What a meant call begins and ends with; between them it has its turn. */
struct step {
  int hit;
  int taken;
};
static struct step enter(enum call call, int meant) {
  struct step step = {0, meant};
  if (!meant) return step;
  pthread_mutex_lock(&turn);
  const int before = errno;
  step.hit = is_hit(call);
  if (step.hit && fault_errno == 0 && !fault_after) say_held();
  errno = before;
  return step;
}
static int fails(struct step step) {
  if (!step.hit || fault_errno == 0) return 0;
  errno = fault_errno;
  return 1;
}
static void leave(struct step step) {
  if (!step.taken) return;
  const int before = errno;
  if (step.hit && fault_errno == 0 && fault_after) say_held();
  pthread_mutex_unlock(&turn);
  errno = before;
}

/* An entry is a line, and for a write the bytes after it; in one piece, as others append too. */
static void note(const struct iovec* bytes, int count, const char* format, ...) {
  if (trace < 0) return;
  const int before = errno;
  char line[4096];
  va_list words;
  va_start(words, format);
  const int length = vsnprintf(line, sizeof line, format, words);
  va_end(words);
  struct iovec all[1 + IOV_MAX];
  all[0].iov_base = line;
  all[0].iov_len = (size_t)length;
  for (int i = 0; i < count; ++i) all[i + 1] = bytes[i];
  if (REAL(writev, trace, all, count + 1) < length) abort();
  errno = before;
}

static unsigned long file_number(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 ? (unsigned long)info.st_ino : 0;
}

static void note_write(int fd, const struct iovec* bytes, int count, off_t at, ssize_t size) {
  if (trace < 0 || size <= 0) return;
  struct iovec parts[IOV_MAX];
  int used = 0;
  for (size_t left = (size_t)size; used < count && left > 0; ++used) {
    parts[used] = bytes[used];
    if (parts[used].iov_len > left) parts[used].iov_len = left;
    left -= parts[used].iov_len;
  }
  const int durable = (fcntl(fd, F_GETFL) & (O_DSYNC | O_SYNC)) != 0;
  note(parts, used, "write\t%lu\t%lld\t%zd\t%d\n", file_number(fd), (long long)at, size, durable);
}

/* ---- What is interposed ---------------------------------------------------------------------- */

static int open_file(int folder, const char* path, int flags, mode_t mode) {
  char whole[4096];
  snprintf(whole, sizeof whole, "%s", path);
  if (path[0] != '/' && folder == AT_FDCWD && getcwd(whole, sizeof whole / 2) != NULL) {
    const size_t length = strlen(whole);
    snprintf(whole + length, sizeof whole - length, "/%s", path);
  }
  const struct step step = enter(kOpen, is_meant(whole));
  int fd = -1;
  if (!fails(step)) {
    const int existed = access(whole, F_OK) == 0;
    fd = REAL(openat, folder, path, flags, mode);
    if (step.taken && fd >= 0 && !existed) note(NULL, 0, "make\t%lu\t%s\n", file_number(fd), whole);
    if (step.taken && fd >= 0 && existed && (flags & O_TRUNC) != 0) {
      note(NULL, 0, "cut\t%lu\t0\n", file_number(fd));
    }
  }
  leave(step);
  return fd;
}

#define MODE_OF(flags)                          \
  mode_t mode = 0;                              \
  if (((flags) & (O_CREAT | O_TMPFILE)) != 0) { \
    va_list words;                              \
    va_start(words, flags);                     \
    mode = va_arg(words, mode_t);               \
    va_end(words);                              \
  }
int open(const char* path, int flags, ...) {
  MODE_OF(flags)
  return open_file(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  MODE_OF(flags)
  return open_file(AT_FDCWD, path, flags, mode);
}
int openat(int folder, const char* path, int flags, ...) {
  MODE_OF(flags)
  return open_file(folder, path, flags, mode);
}

static ssize_t write_file(int fd, const struct iovec* bytes, int count, off_t at, int has_place) {
  char path[4096];
  const struct step step = enter(kWrite, find_path(fd, path, sizeof path));
  ssize_t size = -1;
  if (!fails(step)) {
    if (has_place) {
      size = count == 1 ? REAL(pwrite, fd, bytes->iov_base, bytes->iov_len, at)
                        : REAL(pwritev, fd, bytes, count, at);
    } else {
      if (step.taken) at = lseek(fd, 0, SEEK_CUR);
      size = count == 1 ? REAL(write, fd, bytes->iov_base, bytes->iov_len)
                        : REAL(writev, fd, bytes, count);
    }
    if (step.taken) note_write(fd, bytes, count, at, size);
  }
  leave(step);
  return size;
}
ssize_t write(int fd, const void* bytes, size_t size) {
  const struct iovec one = {(void*)bytes, size};
  return write_file(fd, &one, 1, 0, 0);
}
ssize_t writev(int fd, const struct iovec* bytes, int count) {
  return write_file(fd, bytes, count, 0, 0);
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  const struct iovec one = {(void*)bytes, size};
  return write_file(fd, &one, 1, at, 1);
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t at) {
  return pwrite(fd, bytes, size, at);
}
ssize_t pwritev(int fd, const struct iovec* bytes, int count, off_t at) {
  return write_file(fd, bytes, count, at, 1);
}

static int sync_file(int fd, int data_only) {
  char path[4096];
  const struct step step = enter(kSync, find_path(fd, path, sizeof path));
  int status = -1;
  if (!fails(step)) {
    status = data_only ? REAL(fdatasync, fd) : REAL(fsync, fd);
    if (step.taken && status == 0) note(NULL, 0, "sync\t%lu\t%s\n", file_number(fd), path);
  }
  leave(step);
  return status;
}
int fsync(int fd) { return sync_file(fd, 0); }
int fdatasync(int fd) { return sync_file(fd, 1); }
int msync(void* at, size_t size, int flags) {
  const struct step step = enter(kSync, under != NULL);
  const int status = fails(step) ? -1 : REAL(msync, at, size, flags);
  leave(step);
  return status;
}

int ftruncate(int fd, off_t size) {
  char path[4096];
  const struct step step = enter(kTruncate, find_path(fd, path, sizeof path));
  int status = -1;
  if (!fails(step)) {
    status = REAL(ftruncate, fd, size);
    if (step.taken && status == 0) {
      note(NULL, 0, "cut\t%lu\t%lld\n", file_number(fd), (long long)size);
    }
  }
  leave(step);
  return status;
}
int ftruncate64(int fd, off_t size) { return ftruncate(fd, size); }

void* mmap(void* at, size_t size, int protection, int flags, int fd, off_t offset) {
  char path[4096];
  const struct step step = enter(kMmap, fd >= 0 && find_path(fd, path, sizeof path));
  void* map = fails(step) ? MAP_FAILED : REAL(mmap, at, size, protection, flags, fd, offset);
  leave(step);
  return map;
}

int rename(const char* from, const char* to) {
  const struct step step = enter(kRename, is_meant(to));
  int status = -1;
  if (!fails(step)) {
    status = REAL(rename, from, to);
    if (step.taken && status == 0) note(NULL, 0, "rename\t%s\t%s\n", from, to);
  }
  leave(step);
  return status;
}
int unlink(const char* path) {
  const int status = REAL(unlink, path);
  if (status == 0 && is_meant(path)) note(NULL, 0, "unlink\t%s\n", path);
  return status;
}
int mkdir(const char* path, mode_t mode) {
  const int status = REAL(mkdir, path, mode);
  if (status == 0 && is_meant(path)) note(NULL, 0, "folder\t%s\n", path);
  return status;
}
