/* SPDX-License-Identifier: Apache-2.0 */
/* What the sandbox's runtime can see of the enclave: from where it stands, by a program in its
 * place that looks around and then becomes the runtime.  Started by run, as enclave.c is. */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "core/io.h"
#include "enclave/nsm.h"
#include "hosts.h"

static struct host h;
static char own[] = "/tmp/trb-runtime-XXXXXX";

static const char *below(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", own, name);
	return path;
}

/* The names of a directory, each given to what; how many there are. */
static size_t each_entry(const char *folder, void (*what)(const char *folder, const char *name))
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	size_t n = 0;

	if (dir == NULL)
		abort();
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		n++;
		if (what != NULL)
			what(folder, entry->d_name);
	}
	closedir(dir);
	return n;
}

static void link_to(const char *from, const char *folder, const char *name)
{
	char target[4096], place[4096];

	snprintf(target, sizeof(target), "%s/%s", folder, name);
	snprintf(place, sizeof(place), "%s/%s", from, name);
	if (symlink(target, place) < 0)
		abort();
}

static void link_device(const char *folder, const char *name)
{
	link_to("/dev", folder, name);
}

static void link_helper(const char *folder, const char *name)
{
	if (strcmp(name, "runsc") != 0)
		link_to(below("libexec"), folder, name);
}

/* A machine with an NSM, for the enclave and its children alone; only root can have one. */
static void put_device(void)
{
	const char *devices = below("dev");

	if (geteuid() != 0)
		return;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("/dev", devices, NULL, MS_BIND | MS_REC, NULL) < 0 ||
	    mount("none", "/dev", "tmpfs", MS_NOSUID, "size=64k,mode=0755") < 0)
		abort();
	each_entry(devices, link_device);
	close(open(TRB_NSM_DEVICE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static void set_up(void)
{
	memset(&h, 0, sizeof(h));
	strcpy(own + strlen(own) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(own));
	ck_assert_int_eq(chmod(own, 0755) | mkdir(below("dev"), 0755), 0);
	ck_assert_int_eq(mkdir(below("libexec"), 0755), 0);
	each_entry(getenv("TRB_TEST_LIBEXEC"), link_helper);
	h.in_enclave = put_device;
}

static void tear_down(void)
{
	ck_assert_int_eq(trb_remove_tree(AT_FDCWD, own, NULL), TRB_OK);
}

static void put_runtime(void)
{
	int fd = open(below("libexec/runsc"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	ck_assert_int_ge(fd, 0);
	dprintf(fd,
		"#!/bin/sh\n"
		"case \" $* \" in *' run '*)\n"
		"	{ echo \"$(ls -A %s | wc -l) ports\"\n"
		"	[ ! -e %s ] || echo \"device $(stat -c %%t:%%T %s)\"; } >%s/seen 2>&1 ;;\n"
		"esac\n"
		"exec %s \"$@\"\n",
		h.address + 5, TRB_NSM_DEVICE, TRB_NSM_DEVICE, own, getenv("TRB_TEST_RUNSC"));
	close(fd);
}

static const char *seen(void)
{
	static char text[1024];
	trb_blob *bytes = test_file(below("seen"));

	snprintf(text, sizeof(text), "%.*s", (int)trb_blob_bytes(bytes).len,
		 trb_blob_bytes(bytes).ptr);
	trb_blob_unref(bytes);
	return text;
}

/* Control, egress, NSM and store are there for the enclave; and where there is a device, what the
 * runtime has in its place is /dev/null. */
START_TEST(it_sees_neither_nsm_nor_ports)
{
	setenv("TRB_TEST_LIBEXEC", below("libexec"), 1);
	host_begin(&h);
	put_runtime();
	host_send_request(&h, NULL);
	host_reach(&h, TRB_STATE_BUILT);
	ck_assert_uint_ge(each_entry(h.address + 5, NULL), 4);
	ck_assert_str_eq(seen(), geteuid() == 0 ? "0 ports\ndevice 1:3\n" : "0 ports\n");
	host_reach(&h, TRB_STATE_DONE);
	ck_assert_int_eq(host_stop(&h).code, TRB_OK);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("runtime");
	TCase *t = tcase_create("runtime");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, it_sees_neither_nsm_nor_ports);
	suite_add_tcase(s, t);
	return test_run(s);
}
