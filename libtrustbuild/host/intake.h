/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts on their way in: port 5003, one stream a file, hashed while it is stored under no name.
 * Files get their names together, after everything else agreed. */
#ifndef TRB_HOST_INTAKE_H
#define TRB_HOST_INTAKE_H

#include "format/facts.h"
#include "host/event.h"

#define TRB_INTAKE_STREAMS 8u                   /* at a time */
#define TRB_INTAKE_BYTES   (UINT64_C(64) << 30) /* in a session */

struct trb_intake;

/* dirfd is borrowed, and -1 where files are hashed and dropped. */
int trb_intake_new(int dirfd, struct trb_intake **ret, trb_error **err);
/* Drops what has no name yet. */
struct trb_intake *trb_intake_free(struct trb_intake *intake);
TRB_DEFINE_CLEANUP(struct trb_intake *, trb_intake_free);

/* Which kinds may come now. */
void trb_intake_open(struct trb_intake *intake, bool attested, bool unattested);

/* Takes over a new stream: TRB_E_LIMIT where there are too many. */
int trb_intake_add(struct trb_intake *intake, int fd, trb_error **err);
/* True where fd is a stream of the intake's. */
bool trb_intake_has(const struct trb_intake *intake, int fd);
/* Reads what is there.  ret_closed: the file is whole, or the stream ended, and fd is closed.  Any
 * error is for good. */
int trb_intake_step(struct trb_intake *intake, int fd, bool *ret_closed, trb_error **err);

/* Compares the attested files with the list: same names, sizes, digests, none more, none less; and
 * takes their modes from it.
 * Errors: TRB_E_ARTIFACT with check "artifact.name" or "artifact.digest". */
int trb_intake_check(struct trb_intake *intake, const struct trb_artifacts *list, trb_error **err);
/* Gives all files their names, or none; an event each.  Errors: TRB_E_IO, TRB_E_NOMEM. */
int trb_intake_install(struct trb_intake *intake, struct trb_events *events, trb_error **err);
/* Keeps all files on disk under their numbers, "0", "1" and so on, for whoever places them later;
 * an event each, in that order.  After an error the directory is the caller's to empty. */
int trb_intake_keep(struct trb_intake *intake, struct trb_events *events, trb_error **err);

#endif
