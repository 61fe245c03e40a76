/* SPDX-License-Identifier: Apache-2.0 */
/* JSON from outside: one gate before cJSON, typed getters behind it, a writer (docs/spec/json.md).
 * Everything is case-sensitive; unknown names are errors that name them. */
#ifndef TRB_FORMAT_JSON_H
#define TRB_FORMAT_JSON_H

#include <cjson/cJSON.h>

#include "core/buffer.h"
#include "core/cleanup.h"

#define TRB_JSON_DEPTH      32
#define TRB_JSON_VALUES     16384 /* bounds the memory of cJSON's tree: about 80 bytes each */
#define TRB_JSON_NAMES      64    /* the longest table that trb_json_record() takes */
#define TRB_JSON_INT_MAX    (UINT64_C(1) << 53)
#define TRB_JSON_PATH_BYTES 256

/* A text and its tree.  Before loading the caller says what the text is in errors, and optionally
 * which code (TRB_E_FORMAT where 0) and check id its faults have. */
struct trb_json {
	const char *what;
	int code;
	const char *check;
	trb_bytes text; /* the caller's: must outlive the rest */
	cJSON *root;
};

/* Loads at most max bytes.  Refused, with line and column: bad UTF-8, raw control characters,
 * \u0000, lone surrogates, duplicate names (after unescaping), trailing bytes, fractions,
 * exponents, negative zero, integers beyond 2^53, more than TRB_JSON_DEPTH levels or
 * TRB_JSON_VALUES values.  Errors: doc->code, TRB_E_LIMIT over max, TRB_E_NOMEM. */
int trb_json_load(struct trb_json *doc, trb_bytes text, size_t max, trb_error **err);
/* Works on a document that was not loaded. */
void trb_json_clear(struct trb_json *doc);
#define _cleanup_json_ _cleanup_(trb_json_clear)

/* The first fault of the text, and where; NULL where it passes.  No memory is allocated; duplicate
 * names are trb_json_load()'s. */
const char *trb_json_fault(trb_bytes text, size_t *ret_offset);

/* For JSON of other tools, whose numbers and names the gate would refuse: what keeps its tree, and
 * the tree written again, from being small; NULL where nothing does.  It need not be JSON. */
const char *trb_json_shape_fault(trb_bytes text);

/* The second of two members of one object, anywhere in a tree of at most TRB_JSON_VALUES values,
 * that have the same name; NULL where there is none. */
int trb_json_find_twice(const cJSON *root, const cJSON **ret_twice, trb_error **err);

/* An error at item, which is in doc: what, line, column, path, text. */
int trb_json_fail(const struct trb_json *doc, const cJSON *item, trb_error **err, const char *fmt,
		  ...) __attribute__((format(printf, 4, 5)));
/* The same for the value that a byte of the text belongs to. */
int trb_json_fail_at(const struct trb_json *doc, size_t offset, trb_error **err, const char *fmt,
		     ...) __attribute__((format(printf, 4, 5)));
/* The path of item, such as limits.pids or commands[0][1]; the root's is empty.  Long ones are
 * cut. */
void trb_json_path(const struct trb_json *doc, const cJSON *item, char path[TRB_JSON_PATH_BYTES]);

enum trb_json_type {
	TRB_JSON_ANY,
	TRB_JSON_STRING,
	TRB_JSON_UINT, /* an integer that is not negative */
	TRB_JSON_BOOL,
	TRB_JSON_ARRAY,
	TRB_JSON_OBJECT,
};
bool trb_json_is(const cJSON *item, enum trb_json_type type);
/* Is it this very string? */
bool trb_json_is_word(const cJSON *item, const char *word);

struct trb_json_field {
	const char *name;
	enum trb_json_type type;
	bool required;
};
/* item is an object that has only the n names of the table, each of its type, the required ones
 * all: ret_values[i] is the value of fields[i], borrowed, or NULL where it is absent. */
int trb_json_record(const struct trb_json *doc, const cJSON *item,
		    const struct trb_json_field *fields, size_t n, const cJSON **ret_values,
		    trb_error **err);
#define TRB_JSON_RECORD(doc, item, fields, ret_values, err) \
	trb_json_record(doc, item, fields, sizeof(fields) / sizeof((fields)[0]), ret_values, err)

/* Typed getters; each checks the type first. */
int trb_json_uint(const struct trb_json *doc, const cJSON *item, uint64_t min, uint64_t max,
		  uint64_t *ret, trb_error **err);
/* A decimal string without leading zeros: any 64-bit number. */
int trb_json_uint_string(const struct trb_json *doc, const cJSON *item, uint64_t *ret,
			 trb_error **err);
/* A view into the tree, which a NUL follows; min and max are bytes. */
int trb_json_string(const struct trb_json *doc, const cJSON *item, size_t min, size_t max,
		    trb_bytes *ret, trb_error **err);
/* Exactly n bytes in lower-case hexadecimal. */
int trb_json_hex(const struct trb_json *doc, const cJSON *item, uint8_t *out, size_t n,
		 trb_error **err);
int trb_json_base64(const struct trb_json *doc, const cJSON *item, size_t min, size_t max,
		    trb_blob **ret, trb_error **err);
/* An array of min to max entries. */
int trb_json_array(const struct trb_json *doc, const cJSON *item, size_t min, size_t max,
		   size_t *ret_n, trb_error **err);

/* Writing.  Compact, or indented by tabs with one value a line; failures stick in the buffer. */
struct trb_json_out {
	struct trb_buf *buf;
	bool indent;
	/* private */
	bool comma, named;
	unsigned depth;
};
void trb_json_open(struct trb_json_out *out, char bracket);  /* '{' or '[' */
void trb_json_close(struct trb_json_out *out, char bracket); /* '}' or ']' */
void trb_json_put_name(struct trb_json_out *out, const char *name);
/* Bad UTF-8 or NUL makes the buffer fail with TRB_E_FORMAT.  Quote, backslash, controls (C0, DEL,
 * C1), line separators and bidi controls are escaped, so that the text is safe on a terminal. */
void trb_json_put_text(struct trb_json_out *out, trb_bytes text);
void trb_json_put_str(struct trb_json_out *out, const char *text);
/* For texts that decide nothing: what is not UTF-8 becomes U+FFFD. */
void trb_json_put_lossy(struct trb_json_out *out, trb_bytes text);
/* Beyond 2^53 the buffer fails with TRB_E_FORMAT. */
void trb_json_put_uint(struct trb_json_out *out, uint64_t value);
/* A decimal string. */
void trb_json_put_uint_string(struct trb_json_out *out, uint64_t value);
void trb_json_put_bool(struct trb_json_out *out, bool value);
void trb_json_put_null(struct trb_json_out *out);
void trb_json_put_hex(struct trb_json_out *out, trb_bytes bytes);
void trb_json_put_base64(struct trb_json_out *out, trb_bytes bytes);
/* Name and value in one. */
void trb_json_member_text(struct trb_json_out *out, const char *name, trb_bytes text);
void trb_json_member_str(struct trb_json_out *out, const char *name, const char *text);
void trb_json_member_uint(struct trb_json_out *out, const char *name, uint64_t value);
void trb_json_member_bool(struct trb_json_out *out, const char *name, bool value);
void trb_json_member_hex(struct trb_json_out *out, const char *name, trb_bytes bytes);
void trb_json_member_base64(struct trb_json_out *out, const char *name, trb_bytes bytes);
void trb_json_member_open(struct trb_json_out *out, const char *name, char bracket);

#endif
