/* SPDX-License-Identifier: Apache-2.0 */
/* A second thread for the measuring of images: PCR0 is hashed beside PCR1 and PCR2. */
#include <pthread.h>
#include <signal.h>

#include "image/eif_file.h"

struct thread {
	struct eif_helper helper;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* guarded by lock */
	bool busy, stop, failed;
	EVP_MD_CTX *md;
	trb_bytes job;
};

static void *run(void *arg)
{
	struct thread *t = arg;

	pthread_mutex_lock(&t->lock);
	for (;;) {
		while (!t->busy && !t->stop)
			pthread_cond_wait(&t->changed, &t->lock);
		if (!t->busy)
			break;
		pthread_mutex_unlock(&t->lock);
		bool ok = EVP_DigestUpdate(t->md, t->job.ptr, t->job.len) == 1;
		pthread_mutex_lock(&t->lock);
		t->failed |= !ok;
		t->busy = false;
		pthread_cond_broadcast(&t->changed);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static void wait_idle(struct thread *t)
{
	while (t->busy)
		pthread_cond_wait(&t->changed, &t->lock);
}

static void give(struct eif_helper *helper, EVP_MD_CTX *md, trb_bytes data)
{
	struct thread *t = (struct thread *)helper;

	pthread_mutex_lock(&t->lock);
	wait_idle(t);
	t->md = md;
	t->job = data;
	t->busy = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

static bool wait_all(struct eif_helper *helper)
{
	struct thread *t = (struct thread *)helper;
	bool ok;

	pthread_mutex_lock(&t->lock);
	wait_idle(t);
	ok = !t->failed;
	pthread_mutex_unlock(&t->lock);
	return ok;
}

static void dispose(struct thread *t)
{
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static void end(struct eif_helper *helper)
{
	struct thread *t = (struct thread *)helper;

	pthread_mutex_lock(&t->lock);
	wait_idle(t);
	t->stop = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	dispose(t);
}

/* The caller's signals stay the caller's: the thread takes none. */
static bool start(struct thread *t)
{
	sigset_t all, before;
	bool ok;

	sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		return false;
	ok = pthread_create(&t->thread, NULL, run, t) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ok;
}

struct eif_helper *trb_eif_thread_new(void)
{
	struct thread *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->helper = (struct eif_helper){ give, wait_all, end };
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, NULL);
	if (start(t))
		return &t->helper;
	dispose(t);
	return NULL;
}
