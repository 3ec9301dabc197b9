// Loaded before a process's libraries (LD_PRELOAD), it makes the wall clock of that process LATER_BY_S seconds late. Clocks that only
// measure how long something takes are left alone. Debian's libfaketime would do, but for cnd_timedwait, which librdkafka
// waits by and which it does not know: the time until which to wait would be days away.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static time_t later_by(void) {
  const char *text = getenv("LATER_BY_S");
  return text ? atol(text) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = (int)syscall(SYS_clock_gettime, clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += later_by();
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  (void)zone;
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *now) {
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  if (now) *now = precise.tv_sec;
  return precise.tv_sec;
}

// The kernel waits by the true clock.
static struct timespec true_time(const struct timespec *until) {
  struct timespec earlier = *until;
  earlier.tv_sec -= later_by();
  return earlier;
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until) {
  int (*wait)(cnd_t *, mtx_t *, const struct timespec *) =
      (int (*)(cnd_t *, mtx_t *, const struct timespec *))dlsym(RTLD_NEXT, "cnd_timedwait");
  struct timespec earlier = true_time(until);
  return wait(condition, mutex, &earlier);
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
  int (*wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *) =
      (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))dlsym(RTLD_NEXT, "pthread_cond_timedwait");
  struct timespec earlier = true_time(until);
  return wait(condition, mutex, &earlier);
}
