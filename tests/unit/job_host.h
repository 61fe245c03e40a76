/* SPDX-License-Identifier: Apache-2.0 */
/* A job with an enclave that speaks the channel, for its two test programs.  They link with
 * --wrap=renameat2. */
#ifndef TRB_TESTS_JOB_HOST_H
#define TRB_TESTS_JOB_HOST_H

#include "peer.h"

#include "support.h"

#include "core/io.h"
#include "host/job.h"
#include "host/job_names.h"

#define BUNDLE     "tool.bundle.json"
#define UNATTESTED "unattested/" PEER_UNATTESTED

extern struct peer_host host;
extern trb_session *session;
extern trb_job *job;

/* Of the renames that give names, counted from 1: which one fails, which one is the last thing that
 * the process does. */
extern int fail_at, die_at;

void setup(void);
void teardown(void);
/* What there is of session, job and log goes. */
void close_job(void);

int output(void);
int try_new(enum peer_fault fault, trb_error **err);
void new_job(enum peer_fault fault);
int try_resume(trb_error **err);
/* The local log, made where there is none. */
void use_log(void);
void run_to(int step);

uint64_t logged(void);
size_t count_entries(const char *path);
/* The directory of a saved job; "" where there is none.  Static storage. */
const char *saved_name(void);
void check_file(const char *name, const char *content, mode_t mode);
/* Everything is in its place, the bundle with so many log entries. */
void check_placed(size_t logs);
/* Nothing but what is saved. */
void check_not_placed(void);

#endif
