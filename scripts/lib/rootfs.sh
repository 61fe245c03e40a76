# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced after setup.sh: root file systems of Debian that are made once and kept in the state directory,
# and commands that run in one, with nothing of this machine and no network.

rootfs_make_() { # FILE RELEASE SOURCES MMDEBSTRAP-OPTION…
	local file=$1 release=$2 sources=$3 mode=root
	shift 3
	[ "$(id -u)" -eq 0 ] || mode=unshare
	mmdebstrap --mode=$mode --variant=minbase --aptopt='APT::Install-Recommends "false"' "$@" \
		"$release" "$file.new.tar" ${sources:+"$sources"} || return
	zstd -q -f --rm -o "$file.new" "$file.new.tar" || return
	mv "$file.new" "$file"
}

# Makes what is missing, in place of an older one, and sets rootfs.  Two with the same KEY are alike;
# empty SOURCES are mmdebstrap's own.
need_rootfs() { # NAME KEY WHAT RELEASE SOURCES MMDEBSTRAP-OPTION…
	local name=$1 key=$2 what=$3 dir=$STATE/$1
	shift 3
	need_own "$dir"
	need_packages mmdebstrap uidmap zstd
	key=$({ declare -f rootfs_make_ && echo "$key"; } | sha256sum | cut -c 1-16)
	rootfs=$dir/$key.tar.zst
	[ ! -f "$rootfs" ] || return 0
	mkdir -p "$dir"
	rm -f "$dir"/*.tar.zst "$dir"/*.new*
	quietly "$name-base" "$what (once)" rootfs_make_ "$rootfs" "$@"
}

# FOLDER/test is /test there.  An ordinary user is root of a user namespace, with the ids of /etc/subuid;
# the root lives in memory and is gone with its namespace.
in_rootfs() { # FOLDER COMMAND…
	local folder=$1 alone=(unshare --mount --pid --fork --kill-child --ipc --uts --net)
	shift
	[ "$(id -u)" -eq 0 ] || alone+=(--map-root-user --map-auto)
	# shellcheck disable=SC2016
	"${alone[@]}" sh -c 'set -eu
		test=$1/test root=$1/root tar=$2
		shift 2
		mkdir "$root"
		mount -t tmpfs -o mode=755,size=6g tmpfs "$root"
		zstd -dc "$tar" | tar -x -p --numeric-owner --exclude="./dev/*" -C "$root"
		for node in null zero full random urandom tty; do
			: >"$root/dev/$node"
			mount --bind "/dev/$node" "$root/dev/$node"
		done
		ln -s /proc/self/fd "$root/dev/fd"
		mkdir -m 1777 "$root/dev/shm"
		mount -t proc proc "$root/proc"
		cp -r "$test" "$root"
		ip link set lo up 2>/dev/null || true
		mkdir "$root/.old"
		cd "$root"
		# not chroot(2): who is in one may make no user namespace
		pivot_root . .old
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
			sh -c "umount -l /.old && rmdir /.old && exec \"\$@\"" sh "$@"' \
		sh "$folder" "$rootfs" "$@"
}
