/* SPDX-License-Identifier: Apache-2.0 */
/* The allocator of the whole process: the program's own definitions come before the C library's for
 * every library that is loaded, so libcbor, cJSON, OpenSSL and the C library's own strdup(),
 * vasprintf(), opendir() and so on go through here, too. */
#include "alloc.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What stands behind the definitions below. */
#define REAL(name) __libc_##name
void *REAL(malloc)(size_t n);
void *REAL(calloc)(size_t n, size_t size);
void *REAL(realloc)(void *p, size_t n);
void *REAL(memalign)(size_t alignment, size_t n);
void REAL(free)(void *p);

#define SHOWN  __attribute__((visibility("default")))
#define CALLER __builtin_return_address(0)

static struct {
	atomic_bool armed, fired, forever;
	atomic_uint left, passed_over;
	unsigned stride;
	uintptr_t crypto_from, crypto_to; /* libcrypto's code */
} fault;

/* Blocks that were made while watched and are not freed yet. */
#define SLOTS  (1u << 16)
#define FRAMES 16
static struct {
	atomic_flag lock;
	atomic_bool on, frames;
	bool full;
	size_t n;
	struct slot {
		void *block;
		bool used; /* probing goes on behind a slot that was given back */
		int n_frames;
		void *frames[FRAMES];
	} slots[SLOTS];
} live = { .lock = ATOMIC_FLAG_INIT };
static _Thread_local bool looking; /* for frames, where backtrace() may allocate */

static void lock(void)
{
	while (atomic_flag_test_and_set_explicit(&live.lock, memory_order_acquire))
		;
}

static void unlock(void)
{
	atomic_flag_clear_explicit(&live.lock, memory_order_release);
}

static struct slot *find(const void *block, const void *wanted)
{
	size_t at = (size_t)((uintptr_t)block >> 4) * 2654435761u % SLOTS;

	for (size_t i = 0; i < SLOTS; i++, at = (at + 1) % SLOTS) {
		struct slot *slot = &live.slots[at];

		if (slot->block == wanted)
			return slot;
		if (wanted != NULL && !slot->used)
			return NULL;
	}
	return NULL;
}

static void *note(void *block)
{
	void *frames[FRAMES];
	struct slot *slot;
	int n = 0;

	if (block == NULL || !live.on)
		return block;
	if (live.frames && !looking) {
		looking = true;
		n = backtrace(frames, FRAMES);
		looking = false;
	}
	lock();
	slot = find(block, NULL);
	if (slot != NULL) {
		slot->block = block;
		slot->used = true;
		slot->n_frames = n;
		for (int i = 0; i < n; i++)
			slot->frames[i] = frames[i];
		live.n++;
	} else {
		live.full = true;
	}
	unlock();
	return block;
}

static void forget(void *block)
{
	struct slot *slot;

	if (block == NULL || !live.on)
		return;
	lock();
	slot = find(block, block);
	if (slot != NULL) {
		slot->block = NULL;
		live.n--;
	}
	unlock();
}

static int find_crypto(struct dl_phdr_info *info, size_t size, void *user)
{
	(void)size, (void)user;
	if (strstr(info->dlpi_name, "libcrypto") == NULL)
		return 0;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) != 0) {
			fault.crypto_from = info->dlpi_addr + segment->p_vaddr;
			fault.crypto_to = fault.crypto_from + segment->p_memsz;
		}
	}
	return 1;
}

void alloc_stride(unsigned n)
{
	fault.stride = n;
	if (fault.crypto_to == 0)
		dl_iterate_phdr(find_crypto, NULL);
}

static bool fails(const void *caller)
{
	if (!fault.armed)
		return false;
	if (fault.stride > 1 && (uintptr_t)caller >= fault.crypto_from &&
	    (uintptr_t)caller < fault.crypto_to &&
	    atomic_fetch_add(&fault.passed_over, 1) % fault.stride != 0)
		return false;
	if (!fault.fired || !fault.forever) {
		if (atomic_fetch_sub(&fault.left, 1) != 1)
			return false;
		fault.fired = true;
		if (!fault.forever)
			fault.armed = false;
	}
	errno = ENOMEM;
	return true;
}

SHOWN void *malloc(size_t n)
{
	return fails(CALLER) ? NULL : note(REAL(malloc)(n));
}

SHOWN void *calloc(size_t n, size_t size)
{
	return fails(CALLER) ? NULL : note(REAL(calloc)(n, size));
}

SHOWN void *realloc(void *p, size_t n)
{
	void *moved;

	if (fails(CALLER))
		return NULL;
	moved = REAL(realloc)(p, n);
	if (moved == NULL && n > 0)
		return NULL;
	forget(p);
	return note(moved);
}

SHOWN void *memalign(size_t alignment, size_t n)
{
	return fails(CALLER) ? NULL : note(REAL(memalign)(alignment, n));
}

SHOWN void *aligned_alloc(size_t alignment, size_t n)
{
	return fails(CALLER) ? NULL : note(REAL(memalign)(alignment, n));
}

SHOWN int posix_memalign(void **ret, size_t alignment, size_t n)
{
	void *block = fails(CALLER) ? NULL : note(REAL(memalign)(alignment, n));

	if (block == NULL)
		return ENOMEM;
	*ret = block;
	return 0;
}

SHOWN void free(void *p)
{
	forget(p);
	REAL(free)(p);
}

void alloc_arm(unsigned n, bool forever)
{
	fault.forever = forever;
	fault.left = n;
	fault.passed_over = 0;
	fault.fired = false;
	fault.armed = true;
}

bool alloc_disarm(void)
{
	fault.armed = false;
	return fault.fired;
}

void alloc_watch(bool frames)
{
	for (size_t i = 0; i < SLOTS && live.n + live.full > 0; i++)
		live.slots[i].block = NULL;
	for (size_t i = 0; i < SLOTS; i++)
		live.slots[i].used = false;
	live.n = 0;
	live.full = false;
	live.frames = frames;
	live.on = true;
}

size_t alloc_unwatch(void)
{
	live.on = false;
	return live.full ? SLOTS : live.n;
}

/* OpenSSL 3.0 forgets blocks of its own where memory ends while it looks an algorithm up or tries
 * its decoders, and keeps the texts of its error queue for the next errors. */
static bool is_openssls_name(const char *name)
{
	static const char *const prefixes[] = { "ERR_add_error",        "ERR_vset_error",
						"OSSL_DECODER_",        "OSSL_ENCODER_",
						"EVP_DigestVerifyInit", "EVP_DigestSignInit" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return strncmp(name, "EVP_", 4) == 0 && strstr(name, "_fetch") != NULL;
}

static bool is_openssls(const struct slot *slot)
{
	Dl_info info;

	for (int i = 0; i < slot->n_frames; i++)
		if (dladdr(slot->frames[i], &info) != 0 && info.dli_sname != NULL &&
		    is_openssls_name(info.dli_sname))
			return true;
	return false;
}

size_t alloc_show_left(void)
{
	size_t n = 0;

	for (size_t i = 0; i < SLOTS; i++) {
		const struct slot *slot = &live.slots[i];

		if (slot->block == NULL || is_openssls(slot))
			continue;
		backtrace_symbols_fd(slot->frames, slot->n_frames, 1);
		(void)!write(1, "\n", 1);
		n++;
	}
	return n;
}
