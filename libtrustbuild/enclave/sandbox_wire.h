/* SPDX-License-Identifier: Apache-2.0 */
/* What the client and the sandbox's two programs say to each other (docs/spec/sandbox.md).  The
 * programs are static and alone: nothing here needs the library. */
#ifndef TRB_ENCLAVE_SANDBOX_WIRE_H
#define TRB_ENCLAVE_SANDBOX_WIRE_H

/* The container's name, by which its cgroup is found. */
#define TRB_SANDBOX_CONTAINER "trustbuild"

/* tb-sandbox: its exit status where no runtime was started, and the words that begin the line on
 * its report. */
#define TRB_SANDBOX_FAILED        125
#define TRB_SANDBOX_REPORT_FD     4
#define TRB_SANDBOX_REPORT_ERROR  "error"
#define TRB_SANDBOX_REPORT_MEMORY "memory"

/* The job of tb-sandbox-init: the magic with its NUL, then items: type, length as u32be, text with
 * its NUL. */
#define TRB_SANDBOX_JOB_MAGIC "trustbuild-job-1"
#define TRB_SANDBOX_JOB_MAX   (512u * 1024)
enum trb_sandbox_item {
	TRB_ITEM_ENVIRONMENT = 'e', /* NAME=VALUE */
	TRB_ITEM_COMMAND = 'c',     /* the argument that begins a command */
	TRB_ITEM_ARGUMENT = 'a',
	TRB_ITEM_PATTERN = 'p',   /* of files to give back */
	TRB_ITEM_DIRECTORY = 'd', /* give back everything below it instead */
	TRB_ITEM_TIME = 't',      /* of the files in the tree, seconds since 1970 */
};

/* Its records on descriptor 3: type u8, three bytes of zero, n as u32be, v as u64be, then text,
 * then a file's bytes. */
#define TRB_RECORDS_FD  3
#define TRB_RECORD_HEAD 16u
enum trb_record {
	TRB_REC_COMMAND = 'B', /* n: index; it begins */
	TRB_REC_EXIT = 'X',    /* n: index, v: wait status; last */
	TRB_REC_NOMATCH = 'N', /* n: the pattern's index; last */
	TRB_REC_ERROR = 'E',   /* n bytes of text; last */
	TRB_REC_FILE = 'F',    /* n bytes of name, v bytes of file */
	TRB_REC_PROGRAM = 'P', /* the same, of one that its owner may execute */
	TRB_REC_END = 'Z',     /* everything went well; last */
};

#endif
