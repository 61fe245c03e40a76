/* SPDX-License-Identifier: Apache-2.0 */
/* Port 5002: the simulated NSM's streams. */
#include "host/softnsm/server.h"

#include "format/nsm.h"

void trb_nsm_server_init(struct trb_nsm_server *server)
{
	*server = (struct trb_nsm_server){ 0 };
	for (size_t i = 0; i < TRB_NSM_STREAMS; i++)
		server->streams[i].fd = -1;
}

static size_t find(const struct trb_nsm_server *server, int fd)
{
	size_t i = 0;

	while (i < TRB_NSM_STREAMS && server->streams[i].fd != fd)
		i++;
	return i;
}

static void drop(struct trb_nsm_server *server, size_t i)
{
	if (server->streams[i].fd < 0)
		return;
	close(server->streams[i].fd);
	trb_reader_clear(&server->streams[i].reader);
	server->streams[i].fd = -1;
}

void trb_nsm_server_clear(struct trb_nsm_server *server)
{
	for (size_t i = 0; i < TRB_NSM_STREAMS; i++)
		drop(server, i);
	server->nsm = trb_softnsm_free(server->nsm);
}

bool trb_nsm_server_has(const struct trb_nsm_server *server, int fd)
{
	return fd >= 0 && find(server, fd) < TRB_NSM_STREAMS;
}

bool trb_nsm_server_add(struct trb_nsm_server *server, int fd)
{
	size_t i = find(server, -1);

	if (i == TRB_NSM_STREAMS) {
		close(fd);
		return false;
	}
	server->streams[i].fd = fd;
	trb_reader_init(&server->streams[i].reader, TRB_NSM_REQUEST_MAX);
	return true;
}

static int answer_too_large(int fd)
{
	_cleanup_(trb_blob_unrefp) trb_blob *response = NULL;
	struct trb_nsm_response rsp = { .error = TRB_NSM_INPUT_TOO_LARGE };
	int r = trb_nsm_response_encode(&rsp, &response, NULL);

	return r < 0 ? r : trb_send_frame_now(fd, trb_blob_bytes(response), NULL);
}

int trb_nsm_server_step(struct trb_nsm_server *server, int fd, bool *ret_closed, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *request = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *response = NULL;
	size_t i = find(server, fd);
	int r = trb_reader_step(&server->streams[i].reader, fd, &request, NULL);

	*ret_closed = false;
	if (r == TRB_E_AGAIN)
		return TRB_OK;
	if (r == TRB_E_LIMIT)
		answer_too_large(fd);
	if (r == TRB_OK) {
		r = trb_softnsm_answer(server->nsm, trb_blob_bytes(request), &response, err);
		if (r < 0)
			return r;
		r = trb_send_frame_now(fd, trb_blob_bytes(response), NULL);
	}
	if (r < 0) {
		drop(server, i);
		*ret_closed = true;
	}
	return TRB_OK;
}
