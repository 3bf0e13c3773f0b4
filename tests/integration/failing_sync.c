/* Preloaded into the server by store_faults.sh: while the file named by SATCHEL_FAIL_SYNC is there,
   no data reaches the disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int fails(void) {
  const char* name = getenv("SATCHEL_FAIL_SYNC");
  return name != NULL && access(name, F_OK) == 0;
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "fdatasync");
  if (fails()) {
    errno = EIO;
    return -1;
  }
  return real(fd);
}
