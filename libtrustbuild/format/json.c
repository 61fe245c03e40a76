/* SPDX-License-Identifier: Apache-2.0 */
/* The gate.  cJSON takes duplicate names, trailing bytes, 01, raw control characters and bad UTF-8,
 * cuts strings at \u0000 and rounds big integers: it sees only what passed here. */
#include "format/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/error.h"

struct scan {
	const uint8_t *start, *p, *end;
	const uint8_t *name; /* of the member whose value comes next */
	unsigned depth;
	size_t values;
	const char *fault;
	/* what a caller looks for: the place of a value by its number in document order, or the
	 * number of the last value that begins at or before a place */
	size_t wanted;
	const uint8_t *found;
	const uint8_t *place;
	size_t number;
};

static bool scan_value(struct scan *s);

static bool fault(struct scan *s, const char *why)
{
	s->fault = why;
	return false;
}

static void skip_blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
		s->p++;
}

static bool at(const struct scan *s, uint8_t c)
{
	return s->p < s->end && *s->p == c;
}

/* Four hexadecimal digits, or -1. */
static int hex4(const uint8_t *p, const uint8_t *end)
{
	uint8_t unit[2];

	if (end - p < 4 || !trb_hex_decode(TRB_BYTES(p, 4), unit, 2))
		return -1;
	return unit[0] << 8 | unit[1];
}

static bool scan_unicode(struct scan *s)
{
	int unit = hex4(s->p + 2, s->end), low;

	if (unit < 0)
		return fault(s, "\\u needs four hexadecimal digits");
	if (unit == 0)
		return fault(s, "\\u0000 is not allowed");
	if (unit < 0xd800 || unit > 0xdfff) {
		s->p += 6;
		return true;
	}
	low = s->end - s->p >= 12 && s->p[6] == '\\' && s->p[7] == 'u' ? hex4(s->p + 8, s->end)
								       : -1;
	if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff)
		return fault(s, "lone surrogate");
	s->p += 12;
	return true;
}

static bool scan_escape(struct scan *s)
{
	if (s->end - s->p < 2)
		return fault(s, "the string does not end");
	if (s->p[1] == 'u')
		return scan_unicode(s);
	if (s->p[1] == '\0' || strchr("\"\\/bfnrt", s->p[1]) == NULL)
		return fault(s, "unknown escape");
	s->p += 2;
	return true;
}

static bool scan_string(struct scan *s)
{
	s->p++;
	while (s->p < s->end) {
		if (*s->p == '"') {
			s->p++;
			return true;
		}
		if (*s->p < 0x20)
			return fault(s, "raw control character in a string");
		if (*s->p != '\\')
			s->p++;
		else if (!scan_escape(s))
			return false;
	}
	return fault(s, "the string does not end");
}

static bool at_digit(const struct scan *s, size_t ahead)
{
	return (size_t)(s->end - s->p) > ahead && s->p[ahead] >= '0' && s->p[ahead] <= '9';
}

static bool scan_number(struct scan *s)
{
	const uint8_t *first = s->p;
	bool negative = at(s, '-');
	uint64_t value = 0;

	if (negative)
		s->p++;
	if (!at_digit(s, 0))
		return fault(s, "a digit must follow the minus sign");
	if (*s->p == '0' && at_digit(s, 1))
		return fault(s, "leading zero");
	for (; at_digit(s, 0); s->p++) {
		value = value * 10 + (uint64_t)(*s->p - '0');
		if (value > TRB_JSON_INT_MAX) {
			s->p = first;
			return fault(s, "integer beyond 2^53: write it as a string");
		}
	}
	if (at(s, '.') || at(s, 'e') || at(s, 'E'))
		return fault(s, "fractions and exponents are not allowed");
	return negative && value == 0 ? fault(s, "negative zero") : true;
}

static bool scan_literal(struct scan *s)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(s->end - s->p) >= n && memcmp(s->p, words[i], n) == 0) {
			s->p += n;
			return true;
		}
	}
	return fault(s, s->p == s->end ? "the text ends too early" : "a value must stand here");
}

static bool scan_member(struct scan *s)
{
	const uint8_t *name = s->p;

	if (!at(s, '"'))
		return fault(s, "a name in quotes must stand here");
	if (!scan_string(s))
		return false;
	skip_blanks(s);
	if (!at(s, ':'))
		return fault(s, "a colon must follow the name");
	s->p++;
	s->name = name;
	return scan_value(s);
}

/* The members or entries up to the closing bracket. */
static bool scan_container(struct scan *s, uint8_t closing)
{
	if (++s->depth > TRB_JSON_DEPTH)
		return fault(s, "nested more than 32 deep");
	s->p++;
	skip_blanks(s);
	if (!at(s, closing)) {
		for (;;) {
			if (!(closing == '}' ? scan_member(s) : scan_value(s)))
				return false;
			if (!at(s, ','))
				break;
			s->p++;
			skip_blanks(s);
		}
	}
	if (!at(s, closing))
		return fault(s, closing == '}' ? "a comma or } must stand here"
					       : "a comma or ] must stand here");
	s->p++;
	s->depth--;
	return true;
}

static void note_value(struct scan *s)
{
	const uint8_t *begin = s->name != NULL ? s->name : s->p;

	if (s->values == s->wanted)
		s->found = begin;
	if (s->place != NULL && begin <= s->place)
		s->number = s->values;
	s->values++;
	s->name = NULL;
}

/* One value and the blanks around it. */
static bool scan_value(struct scan *s)
{
	bool good;

	skip_blanks(s);
	if (s->values == TRB_JSON_VALUES)
		return fault(s, "more than 16384 values");
	note_value(s);
	if (at(s, '{'))
		good = scan_container(s, '}');
	else if (at(s, '['))
		good = scan_container(s, ']');
	else if (at(s, '"'))
		good = scan_string(s);
	else if (at(s, '-') || at_digit(s, 0))
		good = scan_number(s);
	else
		good = scan_literal(s);
	if (good)
		skip_blanks(s);
	return good;
}

static void scan_init(struct scan *s, trb_bytes text)
{
	*s = (struct scan){ .start = text.ptr, .p = text.ptr, .wanted = SIZE_MAX };
	s->end = text.len > 0 ? text.ptr + text.len : text.ptr;
}

const char *trb_json_fault(trb_bytes text, size_t *ret_offset)
{
	size_t valid = trb_utf8_prefix(text);
	struct scan s;

	if (text.len == 0) {
		*ret_offset = 0;
		return "the text is empty";
	}
	scan_init(&s, TRB_BYTES(text.ptr, valid));
	if (scan_value(&s) && s.p < s.end)
		fault(&s, "more text after the value");
	*ret_offset = (size_t)(s.p - s.start);
	/* what reaches the first bad byte failed, or would have, only because of it */
	if (valid < text.len && (s.fault == NULL || s.p == s.end)) {
		*ret_offset = valid;
		return "not UTF-8";
	}
	return s.fault;
}

static bool opens_or_parts(uint8_t c)
{
	return c == '[' || c == '{' || c == ',';
}

/* Every value but the first follows a bracket or a comma. */
const char *trb_json_shape_fault(trb_bytes text)
{
	size_t values = 1, depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		if (quoted && c < 0x20)
			return "raw control character in a string";
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		if (quoted)
			continue;
		depth += c == '[' || c == '{';
		depth -= depth > 0 && (c == ']' || c == '}');
		values += opens_or_parts(c);
		if (depth > TRB_JSON_DEPTH)
			return "nested more than 32 deep";
		if (values > TRB_JSON_VALUES)
			return "more than 16384 brackets and commas";
	}
	return NULL;
}

/* Lines and columns count from 1, columns in characters. */
static void position(trb_bytes text, size_t offset, size_t *line, size_t *column)
{
	*line = *column = 1;
	for (size_t i = 0; i < offset && i < text.len; i++) {
		if (text.ptr[i] == '\n') {
			++*line;
			*column = 1;
		} else if ((text.ptr[i] & 0xc0) != 0x80) {
			++*column;
		}
	}
}

/* Walks to item in document order; trail holds the way, *n the item's number. */
static bool find(const cJSON *here, const cJSON *item, const cJSON **trail, unsigned depth,
		 size_t *n)
{
	trail[depth] = here;
	trail[depth + 1] = NULL;
	if (here == item)
		return true;
	++*n;
	for (const cJSON *child = here->child; child != NULL; child = child->next)
		if (find(child, item, trail, depth + 1, n))
			return true;
	return false;
}

static size_t index_of(const cJSON *parent, const cJSON *child)
{
	size_t i = 0;

	for (const cJSON *c = parent->child; c != NULL && c != child; c = c->next)
		i++;
	return i;
}

static bool locate(const struct trb_json *doc, const cJSON *item, char path[TRB_JSON_PATH_BYTES],
		   size_t *number)
{
	const cJSON *trail[TRB_JSON_DEPTH + 3];
	size_t used = 0;

	*number = 0;
	path[0] = '\0';
	if (doc->root == NULL || !find(doc->root, item, trail, 0, number))
		return false;
	for (size_t i = 1; trail[i] != NULL && used < TRB_JSON_PATH_BYTES; i++) {
		char *to = path + used;
		size_t room = TRB_JSON_PATH_BYTES - used;
		int n;

		if (trail[i]->string != NULL)
			n = snprintf(to, room, "%s%s", i > 1 ? "." : "", trail[i]->string);
		else
			n = snprintf(to, room, "[%zu]", index_of(trail[i - 1], trail[i]));
		used += n > 0 ? (size_t)n : 0;
	}
	return true;
}

void trb_json_path(const struct trb_json *doc, const cJSON *item, char path[TRB_JSON_PATH_BYTES])
{
	size_t number;

	locate(doc, item, path, &number);
}

static int fail_text(const struct trb_json *doc, size_t offset, const char *path, trb_error **err,
		     const char *text)
{
	size_t line, column;

	position(doc->text, offset, &line, &column);
	return trb_fail_check(err, doc->code != 0 ? doc->code : TRB_E_FORMAT, doc->check,
			      "%s: line %zu, column %zu: %s%s%s", doc->what, line, column, path,
			      path[0] != '\0' ? ": " : "", text);
}

int trb_json_fail(const struct trb_json *doc, const cJSON *item, trb_error **err, const char *fmt,
		  ...)
{
	char path[TRB_JSON_PATH_BYTES], text[1024];
	struct scan s;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	scan_init(&s, doc->text);
	if (locate(doc, item, path, &s.wanted))
		scan_value(&s);
	return fail_text(doc, s.found != NULL ? (size_t)(s.found - s.start) : 0, path, err, text);
}

static const cJSON *nth(const cJSON *here, size_t *n)
{
	if (*n == 0)
		return here;
	--*n;
	for (const cJSON *child = here->child; child != NULL; child = child->next) {
		const cJSON *found = nth(child, n);

		if (found != NULL)
			return found;
	}
	return NULL;
}

int trb_json_fail_at(const struct trb_json *doc, size_t offset, trb_error **err, const char *fmt,
		     ...)
{
	char path[TRB_JSON_PATH_BYTES] = "", text[1024];
	const cJSON *item;
	struct scan s;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	scan_init(&s, doc->text);
	s.place = s.p + (offset < doc->text.len ? offset : doc->text.len);
	scan_value(&s);
	item = doc->root != NULL ? nth(doc->root, &s.number) : NULL;
	if (item != NULL)
		trb_json_path(doc, item, path);
	return fail_text(doc, offset, path, err, text);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const cJSON *const *)a)->string, (*(const cJSON *const *)b)->string);
}

/* Names stand unescaped in the tree, and have no NUL. */
static const cJSON *find_twice(const cJSON *object, const cJSON **scratch)
{
	const cJSON *twice = NULL;
	size_t n = 0;

	for (const cJSON *c = object->child; c != NULL; c = c->next)
		if (c->string != NULL)
			scratch[n++] = c;
	if (n > 1)
		qsort(scratch, n, sizeof(*scratch), by_name);
	for (size_t i = 1; i < n; i++)
		if (by_name(&scratch[i - 1], &scratch[i]) == 0)
			return scratch[i];
	for (const cJSON *c = object->child; twice == NULL && c != NULL; c = c->next)
		if (c->child != NULL)
			twice = find_twice(c, scratch);
	return twice;
}

int trb_json_find_twice(const cJSON *root, const cJSON **ret_twice, trb_error **err)
{
	/* scratch is used up before the children are looked at: one for all objects */
	_cleanup_free_ const cJSON **scratch = malloc(TRB_JSON_VALUES * sizeof(*scratch));

	if (scratch == NULL)
		return trb_fail_nomem(err);
	*ret_twice = find_twice(root, scratch);
	return TRB_OK;
}

static int check_duplicates(const struct trb_json *doc, trb_error **err)
{
	const cJSON *twice = NULL;
	int r = trb_json_find_twice(doc->root, &twice, err);

	if (r == TRB_OK && twice != NULL)
		return trb_json_fail(doc, twice, err, "the name '%.64s' stands twice",
				     twice->string);
	return r;
}

int trb_json_load(struct trb_json *doc, trb_bytes text, size_t max, trb_error **err)
{
	const char *why;
	size_t offset;
	int r;

	doc->text = text;
	doc->root = NULL;
	if (text.len > max)
		return trb_fail_check(err, TRB_E_LIMIT, doc->check, "%s is larger than %zu bytes",
				      doc->what, max);
	why = trb_json_fault(text, &offset);
	if (why != NULL)
		return fail_text(doc, offset, "", err, why);
	doc->root = cJSON_ParseWithLength((const char *)text.ptr, text.len);
	if (doc->root == NULL)
		return trb_fail_nomem(err);
	r = check_duplicates(doc, err);
	if (r < 0)
		trb_json_clear(doc);
	return r;
}

void trb_json_clear(struct trb_json *doc)
{
	cJSON_Delete(doc->root);
	doc->root = NULL;
}
