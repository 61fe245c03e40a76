/* SPDX-License-Identifier: Apache-2.0 */
/* Names and link targets: what may stand in a tree that is written to a file system. */
#include "format/git_object.h"

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* Bytes that HFS+ drops from a name: U+200C-F, U+202A-E, U+206A-F, U+FEFF in UTF-8. */
static size_t hfs_ignored(trb_bytes at)
{
	if (at.len < 3)
		return 0;
	if (at.ptr[0] == 0xef)
		return at.ptr[1] == 0xbb && at.ptr[2] == 0xbf ? 3 : 0;
	if (at.ptr[0] != 0xe2)
		return 0;
	if (at.ptr[1] == 0x80)
		return (at.ptr[2] >= 0x8c && at.ptr[2] <= 0x8f) ||
				       (at.ptr[2] >= 0xaa && at.ptr[2] <= 0xae)
			       ? 3
			       : 0;
	return at.ptr[1] == 0x81 && at.ptr[2] >= 0xaa && at.ptr[2] <= 0xaf ? 3 : 0;
}

static bool hfs_reads_as(trb_bytes name, const char *word)
{
	while (name.len > 0) {
		size_t skip = hfs_ignored(name);

		if (skip == 0) {
			if (lower(name.ptr[0]) != (uint8_t)*word || *word == '\0')
				return false;
			word++;
			skip = 1;
		}
		trb_bytes_take(&name, skip);
	}
	return *word == '\0';
}

/* What NTFS drops from the end of a name: dots and spaces, and everything from a ':' (a stream) or
 * '\' (a folder) on. */
static bool ntfs_tail(trb_bytes rest)
{
	for (size_t i = 0; i < rest.len; i++) {
		if (rest.ptr[i] == ':' || rest.ptr[i] == '\\')
			return true;
		if (rest.ptr[i] != '.' && rest.ptr[i] != ' ')
			return false;
	}
	return true;
}

static bool take_word(trb_bytes *in, const char *word)
{
	size_t n = strlen(word);

	if (in->len < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (lower(in->ptr[i]) != (uint8_t)word[i])
			return false;
	trb_bytes_take(in, n);
	return true;
}

/* "STEM~1" and so on. */
static bool ntfs_short_name(trb_bytes name, const char *stem)
{
	size_t digits = 0;

	if (!take_word(&name, stem) || !take_word(&name, "~"))
		return false;
	while (digits < name.len && name.ptr[digits] >= '0' && name.ptr[digits] <= '9')
		digits++;
	trb_bytes_take(&name, digits);
	return digits > 0 && ntfs_tail(name);
}

bool trb_git_name_disguises(trb_bytes name, const char *word)
{
	trb_bytes rest = name;

	if (hfs_reads_as(name, word) || (take_word(&rest, word) && ntfs_tail(rest)))
		return true;
	if (strcmp(word, ".git") == 0)
		return ntfs_short_name(name, "git");
	return ntfs_short_name(name, "gitmod") || ntfs_short_name(name, "gi7eba");
}

const char *trb_git_name_fault(trb_bytes name)
{
	if (name.len == 0)
		return "the name is empty";
	if (name.len > TRB_GIT_NAME_MAX)
		return "the name is longer than 255 bytes";
	if (memchr(name.ptr, '/', name.len) != NULL)
		return "the name holds a '/'";
	if (memchr(name.ptr, '\0', name.len) != NULL)
		return "the name holds a NUL";
	if (trb_bytes_eq_str(name, ".") || trb_bytes_eq_str(name, ".."))
		return "the name is a step, not a name";
	if (trb_git_name_disguises(name, ".git"))
		return "the name reads as .git";
	return NULL;
}

const char *trb_git_link_fault(trb_bytes target, size_t depth, bool *ret_winding)
{
	bool down = false, winding = false;

	if (target.len == 0)
		return "the target is empty";
	if (target.len > TRB_GIT_LINK_MAX)
		return "the target is longer than 4095 bytes";
	if (memchr(target.ptr, '\0', target.len) != NULL)
		return "the target holds a NUL";
	if (target.ptr[0] == '/')
		return "the target is absolute";
	while (target.len > 0) {
		const uint8_t *slash = memchr(target.ptr, '/', target.len);
		size_t n = slash != NULL ? (size_t)(slash - target.ptr) : target.len;
		trb_bytes step = trb_bytes_take(&target, n);

		trb_bytes_take(&target, slash != NULL);
		if (step.len == 0 || trb_bytes_eq_str(step, "."))
			continue;
		if (!trb_bytes_eq_str(step, "..")) {
			if (trb_git_name_disguises(step, ".git"))
				return "the target goes through .git";
			down = true;
			depth++;
			continue;
		}
		if (depth == 0)
			return "the target leaves the tree";
		depth--;
		winding |= down;
	}
	*ret_winding = winding;
	return NULL;
}
