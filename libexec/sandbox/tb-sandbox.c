/* SPDX-License-Identifier: Apache-2.0 */
/* Holds one sandbox (docs/spec/sandbox.md):
 *
 *	tb-sandbox MEMORY_BYTES [OPTION]... -- RUNTIME ARGUMENT...
 *
 * where OPTION is --root IMAGE LAYERS PLACE MIB (an EROFS image, or a directory where it is
 * mounted, below a writable layer of that size), --hide PATH (an empty directory or /dev/null
 * over it), --tmpfs PATH, --bind FROM TO (read-only), or --linux: the build shares this kernel,
 * and its memory is counted process by process.  The runtime runs in pid, mount, network and ipc
 * namespaces of its own, whose first process watches the memory of everything in them.  When
 * this program has ended, all of it is dead.  It ends when the runtime ends, on SIGTERM, or when
 * the reader of descriptor 4 goes away.
 * Descriptors: 1, 2 the build's output, 3 the records of tb-sandbox-init, 4 a line for the client.
 * Static and alone: it shares constants with the library, and no code. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>
/* after sys/mount.h, which has some of its names */
#include <linux/loop.h>
#include <linux/magic.h>

#include "enclave/sandbox_wire.h"

#define TICK_MS    20 /* between two looks at the memory file */
#define SCAN_TICKS 12 /* between two looks at every process */
#define FILES_MAX  64
#define SEEN_MAX   64
#define MEMFDS_MAX 4096 /* that are known again; each more counts wherever it is seen */
/* What the runtime itself may take on top of the build's memory. */
#define RUNTIME_BYTES (256ull << 20)
#define LINUX_BYTES   (48ull << 20)

struct memory_file {
	int fd;
	dev_t dev;
	ino_t ino;
};

struct watch {
	uint64_t limit;
	bool same_kernel;                    /* as the build: it has none of its own */
	struct memory_file files[FILES_MAX]; /* what gVisor keeps the sandbox's memory in */
	size_t n_files;
	unsigned tick;
	dev_t seen[SEEN_MAX];
	size_t n_seen;
	struct memory_file memfds[MEMFDS_MAX]; /* of this look, not open */
	size_t n_memfds;
};

static void report(const char *word, const char *detail, int errnum)
{
	char line[1024];
	int n = errnum != 0 ? snprintf(line, sizeof(line), "%s %s: %s\n", word, detail,
				       strerror(errnum))
			    : snprintf(line, sizeof(line), "%s %s\n", word, detail);

	if (n > 0 && write(TRB_SANDBOX_REPORT_FD, line,
			   (size_t)n < sizeof(line) ? (size_t)n : sizeof(line)) < 0)
		_exit(TRB_SANDBOX_FAILED);
}

static _Noreturn void fail(const char *what)
{
	report(TRB_SANDBOX_REPORT_ERROR, what, errno);
	_exit(TRB_SANDBOX_FAILED);
}

/* --- the memory of all --- */

static void remember_file(struct watch *w, int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && w->n_files < FILES_MAX) {
		size_t i = 0;

		while (i < w->n_files &&
		       (w->files[i].dev != st.st_dev || w->files[i].ino != st.st_ino))
			i++;
		if (i == w->n_files) {
			w->files[w->n_files++] = (struct memory_file){ fd, st.st_dev, st.st_ino };
			return;
		}
	}
	close(fd);
}

/* The bytes of a build's own memory file, counted once. */
static uint64_t memfd_bytes(struct watch *w, int dirfd, const char *name)
{
	struct stat st;
	size_t i = 0;

	if (fstatat(dirfd, name, &st, 0) < 0)
		return 0;
	while (i < w->n_memfds && (w->memfds[i].dev != st.st_dev || w->memfds[i].ino != st.st_ino))
		i++;
	if (i < w->n_memfds)
		return 0;
	if (w->n_memfds < MEMFDS_MAX)
		w->memfds[w->n_memfds++] = (struct memory_file){ -1, st.st_dev, st.st_ino };
	return (uint64_t)st.st_blocks * 512;
}

/* Finds memory files among one process's descriptors: gVisor's is watched from then on, a build's
 * own count now. */
static uint64_t scan_descriptors(struct watch *w, const char *pid)
{
	char path[64], target[64];
	struct dirent *entry;
	uint64_t total = 0;
	ssize_t n;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (n <= 7 || memcmp(target, "/memfd:", 7) != 0)
			continue;
		if (w->same_kernel)
			total += memfd_bytes(w, dirfd(dir), entry->d_name);
		else
			remember_file(w, dirfd(dir), entry->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	return total;
}

/* A line of /proc/PID/FILE that begins with name, in bytes; 0 where there is none. */
static uint64_t proc_bytes(const char *pid, const char *file, const char *name)
{
	unsigned long long kib = 0;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, file);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0) {
			kib = strtoull(line + strlen(name), NULL, 10);
			break;
		}
	if (f != NULL)
		fclose(f);
	return kib << 10;
}

/* What is in the memory file systems that a process sees, each counted once; those of gVisor are
 * in its memory file, and its processes see none. */
static uint64_t tmpfs_bytes(struct watch *w, const char *pid)
{
	static const char *const places[] = { "", "build", "tmp", "dev/shm" };
	uint64_t total = 0;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char path[64];
		struct statfs fs;
		struct stat st;
		size_t k = 0;

		snprintf(path, sizeof(path), "/proc/%.20s/root/%s", pid, places[i]);
		if (statfs(path, &fs) < 0 || stat(path, &st) < 0 || w->n_seen == SEEN_MAX ||
		    (fs.f_type != TMPFS_MAGIC && fs.f_type != OVERLAYFS_SUPER_MAGIC))
			continue;
		while (k < w->n_seen && w->seen[k] != st.st_dev)
			k++;
		if (k < w->n_seen)
			continue;
		w->seen[w->n_seen++] = st.st_dev;
		total += (fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize;
	}
	return total;
}

static void see_own(struct watch *w)
{
	static const char *const own[] = { "/", "/tmp", "/dev/shm", "/dev", "/run" };
	struct stat st;

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (stat(own[i], &st) == 0)
			w->seen[w->n_seen++] = st.st_dev;
}

/* Segments of System V, which nobody needs to have mapped; the build is in our namespace of them.
 */
static uint64_t sysv_bytes(void)
{
	FILE *f = fopen("/proc/sysvipc/shm", "re");
	unsigned long long rss;
	uint64_t total = 0;
	char line[512];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
			   &rss) == 1)
			total += rss;
	if (f != NULL)
		fclose(f);
	return total;
}

static bool is_other(const char *name)
{
	return isdigit((unsigned char)name[0]) && strcmp(name, "1") != 0;
}

/* Shared memory without a file is in no file system and no descriptor: what processes have mapped
 * says how much there is.  Files in memory that are mapped are in there, too. */
static uint64_t mapped_bytes(DIR *proc, uint64_t files)
{
	uint64_t resident = 0, parts = 0;
	struct dirent *entry;

	rewinddir(proc);
	while ((entry = readdir(proc)) != NULL)
		if (is_other(entry->d_name))
			resident += proc_bytes(entry->d_name, "status", "RssShmem:");
	if (resident <= files)
		return files;
	/* the same pages may be mapped by many, of whom each has its part; that is slower to ask */
	rewinddir(proc);
	while ((entry = readdir(proc)) != NULL)
		if (is_other(entry->d_name))
			parts += proc_bytes(entry->d_name, "smaps_rollup", "Pss_Shmem:");
	return parts > files ? parts : files;
}

static uint64_t scan_processes(struct watch *w)
{
	uint64_t anonymous = 0, files = 0;
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	if (dir == NULL)
		fail("/proc");
	w->n_seen = w->n_memfds = 0;
	see_own(w);
	while ((entry = readdir(dir)) != NULL)
		if (is_other(entry->d_name)) {
			files += scan_descriptors(w, entry->d_name) + tmpfs_bytes(w, entry->d_name);
			anonymous += proc_bytes(entry->d_name, "status", "RssAnon:");
		}
	/* gVisor's processes map its memory file, which is counted by itself */
	if (w->same_kernel)
		files = mapped_bytes(dir, files + sysv_bytes());
	closedir(dir);
	return anonymous + files;
}

static uint64_t file_bytes(const struct watch *w)
{
	uint64_t total = 0;
	struct stat st;

	for (size_t i = 0; i < w->n_files; i++)
		if (fstat(w->files[i].fd, &st) == 0)
			total += (uint64_t)st.st_blocks * 512;
	return total;
}

static bool over_limit(struct watch *w)
{
	uint64_t anonymous = 0;

	/* until the memory file is known, every look is a full one */
	if (w->n_files == 0 || w->tick++ % SCAN_TICKS == 0)
		anonymous = scan_processes(w);
	/* without a memory file no kernel of the sandbox's own takes memory, too */
	if (w->n_files == 0)
		return anonymous > w->limit + LINUX_BYTES;
	return file_bytes(w) > w->limit || anonymous + file_bytes(w) > w->limit + RUNTIME_BYTES;
}

/* --- the namespaces --- */

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail(path);
	close(fd);
}

static void enter_namespaces(void)
{
	const int flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC;
	unsigned uid = geteuid(), gid = getegid();
	char map[64];

	if (unshare(flags) == 0)
		return;
	if (errno != EPERM || unshare(flags | CLONE_NEWUSER) < 0)
		fail("namespaces");
	write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	write_text("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	write_text("/proc/self/gid_map", map);
}

static void cover(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		if (errno != ENOENT)
			fail(path);
		return;
	}
	if (S_ISDIR(st.st_mode) ? mount("none", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV,
					"size=4k,nr_inodes=2,mode=0500") < 0
				: mount("/dev/null", path, NULL, MS_BIND, NULL) < 0)
		fail(path);
}

static void bind(const char *from, const char *to)
{
	if (mount(from, to, NULL, MS_BIND, NULL) < 0 ||
	    mount("none", to, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) <
		    0)
		fail(from);
}

/* Before Linux 6.12 EROFS wants a block device. */
static int attach_loop(const char *image, char device[32])
{
	struct loop_config config = { .info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR };
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), number, loop;

	if (control < 0 || (number = ioctl(control, LOOP_CTL_GET_FREE)) < 0)
		fail("a loop device for the root file system");
	close(control);
	snprintf(device, 32, "/dev/loop%d", number);
	loop = open(device, O_RDONLY | O_CLOEXEC);
	config.fd = (uint32_t)open(image, O_RDONLY | O_CLOEXEC);
	if (loop < 0 || (int)config.fd < 0 || ioctl(loop, LOOP_CONFIGURE, &config) < 0)
		fail("a loop device for the root file system");
	close((int)config.fd);
	return loop; /* the device goes away with its last user */
}

static void mount_image(const char *image, const char *lower)
{
	const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV;
	char device[32];
	int loop;

	if (mount(image, lower, "erofs", flags, NULL) == 0)
		return;
	if (errno != ENOTBLK)
		fail("mount the root file system, as only root outside of user namespaces may");
	loop = attach_loop(image, device);
	if (mount(device, lower, "erofs", flags, NULL) < 0)
		fail("mount the root file system, as only root outside of user namespaces may");
	close(loop);
}

static void layer(const char *layers, const char *name, char path[512])
{
	if (snprintf(path, 512, "%s/%s", layers, name) >= 512 || mkdir(path, 0755) < 0)
		fail(name);
}

/* For runtimes that do not map the image by themselves. */
static void build_root(const char *image, const char *layers, const char *place, const char *mib)
{
	char lower[512], upper[512], work[512], options[2048];
	struct stat st;

	snprintf(options, sizeof(options), "size=%.16sm,mode=0755", mib);
	if (mount("none", layers, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
		fail(layers);
	layer(layers, "lower", lower);
	layer(layers, "upper", upper);
	layer(layers, "work", work);
	if (stat(image, &st) < 0)
		fail(image);
	if (S_ISDIR(st.st_mode))
		snprintf(lower, sizeof(lower), "%.511s", image);
	else
		mount_image(image, lower);
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s", lower, upper,
		 work);
	if (mount("overlay", place, "overlay", MS_NOSUID | MS_NODEV, options) < 0)
		fail(place);
}

/* One option; how many arguments it took, 0 where it is none. */
static int apply_option(struct watch *w, char **argv)
{
	if (strcmp(argv[0], "--linux") == 0) {
		w->same_kernel = true;
		return 1;
	}
	if (strcmp(argv[0], "--hide") == 0 && argv[1] != NULL) {
		cover(argv[1]);
		return 2;
	}
	if (strcmp(argv[0], "--tmpfs") == 0 && argv[1] != NULL) {
		if (mount("none", argv[1], "tmpfs", MS_NOSUID | MS_NODEV, "size=16m,mode=0700") < 0)
			fail(argv[1]);
		return 2;
	}
	if (strcmp(argv[0], "--root") == 0 && argv[1] != NULL && argv[2] != NULL &&
	    argv[3] != NULL && argv[4] != NULL) {
		build_root(argv[1], argv[2], argv[3], argv[4]);
		return 5;
	}
	if (strcmp(argv[0], "--bind") == 0 && argv[1] != NULL && argv[2] != NULL) {
		bind(argv[1], argv[2]);
		return 3;
	}
	return 0;
}

static char **prepare_mounts(struct watch *w, char **argv)
{
	int n;

	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		fail("private mounts");
	while (argv[0] != NULL && (n = apply_option(w, argv)) > 0)
		argv += n;
	errno = EINVAL;
	if (argv[0] == NULL || strcmp(argv[0], "--") != 0 || argv[1] == NULL)
		fail("arguments");
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		fail("/proc");
	return argv + 1;
}

/* --- the two processes --- */

static pid_t start_runtime(char **argv)
{
	static char *const env[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	pid_t pid = fork();
	sigset_t none;

	if (pid < 0)
		fail("fork");
	if (pid > 0)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(argv[0], argv, env);
	fail(argv[0]);
	return -1;
}

/* The first process of the namespace: everything else in it dies with this one. */
static int hold(char **argv, uint64_t limit, int signals)
{
	static struct watch w;
	struct pollfd p = { .fd = signals, .events = POLLIN };
	struct signalfd_siginfo info;
	pid_t runtime, done;
	int status;

	w.limit = limit;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	runtime = start_runtime(prepare_mounts(&w, argv));
	/* whoever else holds the write ends would keep the client from seeing the end */
	close(1);
	close(2);
	close(3);
	for (;;) {
		if (poll(&p, 1, TICK_MS) > 0 && read(signals, &info, sizeof(info)) < 0)
			fail("signals");
		while ((done = waitpid(-1, &status, WNOHANG)) > 0)
			if (done == runtime)
				return WIFEXITED(status) ? WEXITSTATUS(status)
							 : 128 + WTERMSIG(status);
		if (over_limit(&w)) {
			report(TRB_SANDBOX_REPORT_MEMORY, "limit", 0);
			return 128 + SIGKILL;
		}
	}
}

static void remove_cgroup(const char *mount, const char *own)
{
	char path[4096];

	snprintf(path, sizeof(path), "%.1024s%.2048s/" TRB_SANDBOX_CONTAINER, mount, own);
	rmdir(path);
}

/* runc makes a group named after the container, and cannot remove it when it is ended by force.
 * Both files were opened before /proc became that of the sandbox. */
static void remove_cgroups(FILE *mounts, FILE *groups)
{
	struct mntent *m;
	char line[2048];

	while (mounts != NULL && groups != NULL && (m = getmntent(mounts)) != NULL) {
		if (strncmp(m->mnt_type, "cgroup", 6) != 0)
			continue;
		remove_cgroup(m->mnt_dir, "");
		rewind(groups);
		while (fgets(line, sizeof(line), groups) != NULL) {
			line[strcspn(line, "\n")] = '\0';
			if (strchr(line, '/') != NULL)
				remove_cgroup(m->mnt_dir, strchr(line, '/'));
		}
	}
}

static int wait_for(pid_t first, int signals)
{
	struct pollfd p[2] = { { .fd = signals, .events = POLLIN },
			       { .fd = TRB_SANDBOX_REPORT_FD, .events = 0 } };
	struct signalfd_siginfo info = { 0 };
	int status;

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			fail("poll");
		if (p[0].revents != 0 && read(signals, &info, sizeof(info)) < 0)
			fail("signals");
		if (p[1].revents != 0 || info.ssi_signo == SIGTERM)
			kill(first, SIGKILL);
		/* the kernel lets it be reaped only when nothing of the namespace is left */
		if (waitpid(first, &status, p[1].revents != 0 ? 0 : WNOHANG) == first)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

int main(int argc, char **argv)
{
	sigset_t set;
	char *end;
	uint64_t limit;
	FILE *mounts, *groups;
	int signals, status;
	pid_t first;

	if (argc < 4)
		return TRB_SANDBOX_FAILED;
	limit = strtoull(argv[1], &end, 10);
	if (*end != '\0' || limit == 0)
		return TRB_SANDBOX_FAILED;
	fcntl(TRB_SANDBOX_REPORT_FD, F_SETFD, FD_CLOEXEC);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	enter_namespaces();
	mounts = setmntent("/proc/self/mounts", "re");
	groups = fopen("/proc/self/cgroup", "re");
	first = fork();
	if (first < 0)
		fail("fork");
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals < 0)
		fail("signals");
	if (first == 0)
		_exit(hold(argv + 2, limit, signals));
	close(1);
	close(2);
	close(3);
	status = wait_for(first, signals);
	remove_cgroups(mounts, groups);
	return status;
}
