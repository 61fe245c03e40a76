# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced after setup.sh: a Go for the bindings' tests.

# What the enclave image's runsc is built with is good enough for the bindings, too: one pin.
pin_of() { sed -n "s/^$1=//p" scripts/image/image-runsc; }

go_minor_() { # GO
	local version
	version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
	[[ $version =~ ^go1\.([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

# Puts a go command of at least 1.MINOR into PATH: the machine's, else the pinned one, which any older
# go command can fetch as a module and check against Go's checksum database and the pin.
need_go() { # MINOR
	local go version sum root minor
	PATH=$PATH:/usr/local/go/bin:/usr/lib/go/bin
	go=$(command -v go || true)
	minor=$(go_minor_ "${go:-/nonexistent}") || minor=0
	[ "$minor" -lt "$1" ] || return 0
	if [ -z "$go" ]; then
		need_packages golang-1.19-go || return
		go=/usr/lib/go-1.19/bin/go
	fi
	version=v0.0.1-go$(pin_of go_version).linux-amd64 sum=$(pin_of toolchain_sum)
	[ "$(uname -m)" = x86_64 ] || die "no Go of at least 1.$1 here"
	root=$(cd / && GOFLAGS=-modcacherw GOTOOLCHAIN=local "$go" mod download -json "golang.org/toolchain@$version") ||
		die "cannot fetch Go $version: $root"
	grep -qF "\"Sum\": \"$sum\"" <<<"$root" || die "Go $version is not the pinned one"
	root=$(sed -n 's/^\t"Dir": "\(.*\)",$/\1/p' <<<"$root")
	# modules carry no permission bits
	chmod +x "$root"/bin/* && find "$root/pkg/tool" -type f -exec chmod +x {} + || return
	PATH=$root/bin:$PATH
	unset GOROOT
}
