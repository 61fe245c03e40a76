/* SPDX-License-Identifier: Apache-2.0 */
/* Naming the files that came in: first each one under a name of no meaning in its own directory,
 * then, when nothing can run out any more, one rename each. */
#include "format/crypto.h"
#include "host/beneath.h"
#include "host/intake_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <openssl/rand.h>

static int random_name(char **ret, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	uint8_t bytes[8];
	char hex[17];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return trb_fail(err, TRB_E_IO, "no random bytes");
	trb_hex_encode(TRB_BYTES(bytes, sizeof(bytes)), hex);
	if (asprintf(ret, ".trustbuild-%s", hex) < 0) {
		*ret = NULL;
		return trb_fail_nomem(err);
	}
	return TRB_OK;
}

int trb_intake_file_open(int dirfd, struct intake_file *file, trb_error **err)
{
	int r;

	file->fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (file->fd >= 0)
		return TRB_OK;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)
		return trb_fail_errno(err, errno, "make a file in the output directory");
	r = random_name(&file->temporary, err);
	if (r < 0)
		return r;
	file->fd = openat(dirfd, file->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file->fd < 0)
		return trb_fail_errno(err, errno, "make a file in the output directory");
	return TRB_OK;
}

void trb_intake_file_clear(int dirfd, struct intake_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	if (file->temporary != NULL)
		unlinkat(dirfd, file->temporary, 0);
	if (file->staged != NULL)
		unlinkat(file->parent, file->staged, 0);
	if (file->parent > 0)
		close(file->parent);
	free(file->temporary);
	free(file->staged);
	free(file->name);
	*file = (struct intake_file){ .fd = -1 };
}

/* An artifact's mode is attested; of other files it is not sent, and a program is one by its first
 * bytes. */
static int set_mode(const struct intake_file *file)
{
	char magic[4] = "";
	mode_t mode = 0644;
	ssize_t n;

	if (file->kind == TRB_FILE_ARTIFACT)
		return fchmod(file->fd, file->program ? 0755 : 0644);
	do
		n = pread(file->fd, magic, sizeof(magic), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	if (n >= 2 && (memcmp(magic, "\177ELF", 4) == 0 || memcmp(magic, "#!", 2) == 0))
		mode = 0755;
	return fchmod(file->fd, mode);
}

static int finish_file(const struct intake_file *file, trb_error **err)
{
	if (set_mode(file) < 0 || trb_sync_fd(file->fd) < 0)
		return trb_fail_errno(err, errno, "store artifact '%s'", file->name);
	return TRB_OK;
}

static int link_file(int dirfd, struct intake_file *file, int parent, const char *name,
		     trb_error **err)
{
	char path[32];

	if (file->temporary != NULL) {
		if (renameat(dirfd, file->temporary, parent, name) < 0)
			return trb_fail_errno(err, errno, "move artifact '%s'", file->name);
		free(steal_ptr(&file->temporary));
		return TRB_OK;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	if (linkat(AT_FDCWD, path, parent, name, AT_SYMLINK_FOLLOW) < 0)
		return trb_fail_errno(err, errno, "name artifact '%s'", file->name);
	return TRB_OK;
}

static int full_name(const struct intake_file *file, char **ret, trb_error **err)
{
	int n = asprintf(ret, "%s%s", file->kind == TRB_FILE_UNATTESTED ? TRB_UNATTESTED "/" : "",
			 file->name);

	return n < 0 ? trb_fail_nomem(err) : TRB_OK;
}

static int stage(int dirfd, struct intake_file *file, trb_error **err)
{
	_cleanup_free_ char *name = NULL, *staged = NULL;
	const char *base;
	struct stat st;
	int r = full_name(file, &name, err);

	if (r == TRB_OK)
		r = random_name(&staged, err);
	if (r == TRB_OK)
		r = trb_beneath_parent(dirfd, name, true, &file->parent, &base, err);
	if (r < 0)
		return r;
	r = finish_file(file, err);
	if (r < 0)
		return r;
	/* a rename onto a directory would fail half-way through the set */
	if (fstatat(file->parent, base, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return trb_fail_errno(err, errno, "look for '%s'", name);
	} else if (S_ISDIR(st.st_mode)) {
		return trb_fail(err, TRB_E_IO, "'%s' is a directory in the output directory", name);
	}
	file->staged = steal_ptr(&staged);
	r = link_file(dirfd, file, file->parent, file->staged, err);
	if (r < 0) {
		free(steal_ptr(&file->staged));
		return r;
	}
	/* its directory's descriptor takes its place: never more than one a file */
	close(steal_fd(&file->fd));
	return TRB_OK;
}

static const char *base_of(const struct intake_file *file)
{
	const char *slash = strrchr(file->name, '/');

	return slash != NULL ? slash + 1 : file->name;
}

static int name_file(struct intake_file *file, trb_error **err)
{
	if (renameat(file->parent, file->staged, file->parent, base_of(file)) < 0)
		return trb_fail_errno(err, errno, "name artifact '%s'", file->name);
	free(steal_ptr(&file->staged));
	return TRB_OK;
}

static int announce(const struct intake_file *file, struct trb_events *events, trb_error **err)
{
	struct trb_event *event =
		trb_events_add(events, TRB_EVENT_ARTIFACT, trb_bytes_str(file->name));

	if (event == NULL)
		return trb_fail_nomem(err);
	event->size = file->size;
	event->attested = file->kind == TRB_FILE_ARTIFACT;
	memcpy(event->digest, file->digest, sizeof(event->digest));
	return TRB_OK;
}

int trb_intake_install(struct trb_intake *intake, struct trb_events *events, trb_error **err)
{
	size_t n = 0;
	int r = TRB_OK;

	for (size_t i = 0; r == TRB_OK && intake->dirfd >= 0 && i < intake->n_files; i++)
		r = stage(intake->dirfd, &intake->files[i], err);
	for (size_t i = 0; r == TRB_OK && i < intake->n_files; i++)
		r = announce(&intake->files[i], events, err);
	for (; r == TRB_OK && intake->dirfd >= 0 && n < intake->n_files; n++)
		r = name_file(&intake->files[n], err);
	/* a set with a gap is worse than none: what has its name loses it again */
	for (size_t i = 0; r < 0 && i + 1 < n; i++)
		unlinkat(intake->files[i].parent, base_of(&intake->files[i]), 0);
	return r;
}

int trb_intake_keep(struct trb_intake *intake, struct trb_events *events, trb_error **err)
{
	int r = TRB_OK;

	for (size_t i = 0; r == TRB_OK && i < intake->n_files; i++) {
		struct intake_file *file = &intake->files[i];
		char number[24];

		snprintf(number, sizeof(number), "%zu", i);
		r = finish_file(file, err);
		if (r == TRB_OK)
			r = link_file(intake->dirfd, file, intake->dirfd, number, err);
		if (r == TRB_OK)
			r = announce(file, events, err);
		if (r == TRB_OK)
			close(steal_fd(&file->fd));
	}
	return r;
}
