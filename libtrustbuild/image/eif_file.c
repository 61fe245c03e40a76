/* SPDX-License-Identifier: Apache-2.0 */
/* Reading enclave images from files. */
#include "image/eif_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/context.h"
#include "core/io.h"
#include "image/eif_write.h"

#define WORTH_A_THREAD (2u << 20)

static int read_file(void *user, void *to, size_t n, uint64_t at, trb_error **err)
{
	const struct eif_file *file = user;
	int r = trb_check_canceled(file->context, err);

	return r < 0 ? r : trb_pread_full(file->fd, to, n, at, err);
}

int trb_eif_file_init(struct eif_file *ret, trb_context *context, int fd, trb_error **err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return trb_fail_errno(err, errno, "stat the image");
	if (!S_ISREG(st.st_mode))
		return trb_fail(err, TRB_E_FORMAT, "the image is not a regular file");
	*ret = (struct eif_file){
		.source = { .size = (uint64_t)st.st_size, .read = read_file, .user = ret },
		.context = context,
		.fd = fd
	};
	return TRB_OK;
}

int trb_eif_open_measured(int fd, const struct eif_measurement *measured, trb_eif **ret_eif,
			  trb_error **err)
{
	struct eif_file file;
	int r = trb_eif_file_init(&file, NULL, fd, err);

	return r < 0 ? r : trb_eif_open_source(&file.source, measured, NULL, ret_eif, err);
}

int trb_eif_open_fd(trb_context *context, int fd, trb_eif **ret_eif, trb_error **err)
{
	struct eif_helper *helper = NULL;
	struct eif_file file;
	int r = trb_eif_file_init(&file, context, fd, err);

	if (r < 0)
		return r;
	if (file.source.size > WORTH_A_THREAD)
		helper = trb_eif_thread_new();
	return trb_eif_open_source(&file.source, NULL, helper, ret_eif, err);
}

int trb_eif_open(trb_context *context, const char *path, trb_eif **ret_eif, trb_error **err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	if (fd < 0)
		return trb_fail_errno(err, errno, "open image '%s'", path);
	r = trb_eif_open_fd(context, fd, ret_eif, err);
	return r < 0 ? trb_wrap(err, r, "image '%s'", path) : TRB_OK;
}
