/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cbor.h>
#include <cjson/cJSON.h>
#include <openssl/crypto.h>

static struct {
	bool armed, fired;
	enum fault kind;
	unsigned left;
} state;

void fault_arm(enum fault kind, unsigned n)
{
	state.kind = kind;
	state.left = n;
	state.fired = false;
	state.armed = true;
}

bool fault_disarm(void)
{
	state.armed = false;
	return state.fired;
}

static bool fire(enum fault kind)
{
	if (!state.armed || state.kind != kind || --state.left > 0)
		return false;
	state.armed = false;
	state.fired = true;
	return true;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
int __real_vasprintf(char **ret, const char *fmt, va_list ap);
ssize_t __real_read(int fd, void *buf, size_t n);
ssize_t __real_pread64(int fd, void *buf, size_t n, off_t offset);

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
int __wrap_vasprintf(char **ret, const char *fmt, va_list ap);
ssize_t __wrap_read(int fd, void *buf, size_t n);
ssize_t __wrap_pread64(int fd, void *buf, size_t n, off_t offset);

void *__wrap_malloc(size_t n)
{
	return fire(FAULT_MEMORY) ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fire(FAULT_MEMORY) ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fire(FAULT_MEMORY) ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
	return fire(FAULT_MEMORY) ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
	return fire(FAULT_MEMORY) ? NULL : __real_strndup(s, n);
}

int __wrap_vasprintf(char **ret, const char *fmt, va_list ap)
{
	return fire(FAULT_MEMORY) ? -1 : __real_vasprintf(ret, fmt, ap);
}

static bool reading_fails(void)
{
	if (fire(FAULT_READ)) {
		errno = EIO;
		return true;
	}
	if (fire(FAULT_EINTR)) {
		errno = EINTR;
		return true;
	}
	return false;
}

ssize_t __wrap_read(int fd, void *buf, size_t n)
{
	return reading_fails() ? -1 : __real_read(fd, buf, n);
}

ssize_t __wrap_pread64(int fd, void *buf, size_t n, off_t offset)
{
	return reading_fails() ? -1 : __real_pread64(fd, buf, n, offset);
}

static void *openssl_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return fire(FAULT_OPENSSL) ? NULL : __real_malloc(n);
}

static void *openssl_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return fire(FAULT_OPENSSL) ? NULL : __real_realloc(p, n);
}

static void openssl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

void fault_init(void)
{
	cJSON_Hooks hooks = { .malloc_fn = __wrap_malloc, .free_fn = free };

	if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1) {
		fputs("fault_init() comes too late for OpenSSL\n", stderr);
		abort();
	}
	cJSON_InitHooks(&hooks);
#if CBOR_CUSTOM_ALLOC
	cbor_set_allocs(__wrap_malloc, __wrap_realloc, free);
#endif
}
