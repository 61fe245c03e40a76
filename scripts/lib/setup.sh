# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the scripts beside this folder: help, words for people, missing packages, a build folder.

umask 022
export LC_ALL=C.UTF-8

# Where programs for administrators live, which an ordinary user's PATH leaves out.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

# Whoever has no home in the environment has one all the same.
[ -n "${HOME:-}" ] || HOME=$(getent passwd "$(id -u)" | cut -d : -f 6)
export HOME

# Who runs a checkout's scripts trusts it, also where it is somebody else's, such as root's.
git_n=${GIT_CONFIG_COUNT:-0}
export GIT_CONFIG_COUNT=$((git_n + 1)) "GIT_CONFIG_KEY_$git_n=safe.directory" "GIT_CONFIG_VALUE_$git_n=$PWD"

# Where the library keeps keys, caches and logs, and the scripts what they make once.
STATE=${TRUSTBUILD_STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/trustbuild}

# A script's first comment is its help, where it has no usage() of its own; it stands in the root.
usage() { sed -n '3,/^[^#]/s/^#\( \|$\)//p' "scripts/${0##*/}"; }
help_if_asked() { # ARGUMENT-OF-THE-SCRIPT…
	case ${1:-} in
	-h | --help) usage && exit 0 ;;
	esac
}
misused() { # [WHY]
	[ $# -eq 0 ] || say "error: $*"
	usage >&2
	exit 2
}

say() { printf '%s\n' "$*" >&2; }
die() {
	say "error: $*"
	exit 3
}

# Runs a command quietly; what it printed is shown where it fails, and kept in $LOGS/NAME.log.
quietly() { # NAME WHAT COMMAND…
	local name=$1 what=$2 started=$SECONDS
	shift 2
	mkdir -p "$LOGS"
	[ -t 2 ] && printf '  … %s\r' "$what" >&2
	local status=0
	"$@" >"$LOGS/$name.log" 2>&1 || status=$?
	if [ "$status" -eq 77 ]; then
		say "  – $what: left out: $(tail -n 1 "$LOGS/$name.log")"
		return 77
	elif [ "$status" -ne 0 ]; then
		say "  ✗ $what"
		tail -n 40 "$LOGS/$name.log" >&2
		say "    everything it printed: $LOGS/$name.log"
		return 1
	fi
	say "  ✓ $what ($((SECONDS - started)) s)"
}

# Runs a command that is not worth a line; what it printed is in $SCRATCH/log.  Where it fails, that is
# shown and the script ends.
silently() { # WHAT COMMAND…
	local what=$1
	shift
	"$@" >"$SCRATCH/log" 2>&1 && return
	cat "$SCRATCH/log" >&2
	say "${0##*/}: FAILED: $what"
	exit 1
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n true 2>/dev/null || say "  sudo may ask for your password, to install packages"
		sudo "$@"
	fi
}

# Installs the Debian packages that are missing, and says which.
need_packages() {
	local missing=() p
	command -v dpkg-query >/dev/null || die "this command knows Debian 12 (apt); elsewhere install: $*"
	for p in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v sudo >/dev/null || [ "$(id -u)" -eq 0 ] ||
		die "missing packages, and no sudo to install them; as root: apt-get install ${missing[*]}"
	say "  installing: ${missing[*]}"
	quietly apt-update 'package lists' as_root apt-get -q update || return 1
	quietly apt-install "${#missing[@]} packages" as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y --no-install-recommends install "${missing[@]}"
}

# What another user made here, root mostly, is in the way later, with errors that do not say so.
need_own() { # FOLDER…
	local dir other
	for dir in "$@"; do
		[ -e "$dir" ] && [ "$(id -u)" -ne 0 ] || continue
		other=$(find "$dir" ! -user "$(id -u)" -print -quit 2>/dev/null) || true
		[ -z "$other" ] || die "$other is not yours: an earlier run as somebody else left it; remove it (sudo rm -rf '$dir') and try again"
	done
}

BUILD_PACKAGES=(build-essential meson ninja-build pkg-config python3 git ca-certificates
	libcbor-dev libssl-dev libcjson-dev libcurl4-openssl-dev libgit2-dev libseccomp-dev zlib1g-dev check)
RUN_PACKAGES=(mmdebstrap erofs-utils uidmap cpio xz-utils curl nginx-light fcgiwrap openssl procps)
DEB_PACKAGES=(dpkg-dev debhelper dh-python fakeroot lintian python3-cffi python3-dev zstd)
TEST_PACKAGES=(abigail-tools clang clang-format libclang-rt-14-dev llvm pmccabe mandoc cmake binutils
	crun runc locales mypy python3-venv python3-dev python3-cffi python3-jsonschema unicode-data)

meson=/usr/bin/meson

# Configures a build folder once, and builds it.
build() { # FOLDER MESON-OPTION…
	[ -f "$1/build.ninja" ] || "$meson" setup "$@" || return
	ninja -C "$1"
}
