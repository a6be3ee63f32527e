/* A disk that takes longer: every fsync and fdatasync sleeps first. `cargo xtask bench durable` compiles this and
 * preloads it into the server, because the disk of a bench may flush in 0.1 ms and a user's does not.
 * TIDINGS_SHIM_SYNC_DELAY_MS says how long, in milliseconds. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static struct timespec delay;

__attribute__((constructor)) static void read_delay(void) {
	const char *text = getenv("TIDINGS_SHIM_SYNC_DELAY_MS");
	long ms = text ? strtol(text, NULL, 10) : 0;
	delay.tv_sec = ms / 1000;
	delay.tv_nsec = ms % 1000 * 1000000;
}

static int slowly(const char *name, int file) {
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
	nanosleep(&delay, NULL);
	return real(file);
}

int fsync(int file) { return slowly("fsync", file); }
int fdatasync(int file) { return slowly("fdatasync", file); }
