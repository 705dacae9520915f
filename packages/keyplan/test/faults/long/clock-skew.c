/* Preloaded into a redis-server: its wall clock is ahead by as many milliseconds as lie, as an int64, in the file $SKEW_FILE. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t none;
static const volatile int64_t *skew = &none;

__attribute__((constructor)) static void begin(void) {
  const char *name = getenv("SKEW_FILE");
  const int file = name ? open(name, O_RDONLY) : -1;
  void *const at = file < 0 ? MAP_FAILED : mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, file, 0);
  if (at != MAP_FAILED) skew = at;
  if (file >= 0) close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  const int failed = (int)syscall(SYS_clock_gettime, clock, now);
  if (failed || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return failed;
  const int64_t ns = now->tv_nsec + (*skew % 1000) * 1000000;
  const int64_t borrowed = ns < 0 ? -1 : ns / 1000000000;
  now->tv_sec += *skew / 1000 + borrowed;
  now->tv_nsec = ns - borrowed * 1000000000;
  return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec at;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &at)) return -1;
  now->tv_sec = at.tv_sec;
  now->tv_usec = at.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *result) {
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  if (result) *result = at.tv_sec;
  return at.tv_sec;
}
