# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced: builds every program of examples/embed against the library that pkg-config, CMake and Meson
# find, and has each verify an artifact and refuse it with a flipped byte.  Needs set -eu.

fail() {
	echo "FAILED: $*"
	exit 1
}

# FOLDER with an artifact, its bundle and a policy -> FOLDER/good, and FOLDER/bad, a bit of which is
# another.
good_and_bad() { # DEMO FOLDER
	local byte
	mkdir "$2/good" "$2/bad"
	cp "$1"/tb-verify "$1"/tb-verify.bundle.json "$1"/policy.json "$2/good"
	cp "$2"/good/* "$2/bad"
	byte=$(od -An -tu1 -j1000 -N1 "$2/good/tb-verify")
	printf "\\x$(printf %02x $((byte ^ 1)))" |
		dd of="$2/bad/tb-verify" bs=1 seek=1000 conv=notrunc status=none
}

# The command is given artifact, bundle and policy.
judges() { # NAME FOLDER COMMAND…
	local name=$1 t=$2 kind status
	shift 2
	for kind in good bad; do
		status=0
		"$@" "$t/$kind/tb-verify" "$t/$kind/tb-verify.bundle.json" "$t/$kind/policy.json" \
			>"$t/judged" 2>&1 || status=$?
		case $kind$status in
		good0) ;;
		bad1) grep -qE 'artifact\.digest|wanted sha256:' "$t/judged" || fail "$name refused for another reason: $(cat "$t/judged")" ;;
		*) fail "$name: $kind gave $status: $(cat "$t/judged")" ;;
		esac
	done
	echo "$name: ok"
}

consumers() { # EXAMPLES FOLDER-OF-GOOD-AND-BAD
	local t=$2 half
	cp -r "$1/embed" "$t/embed"
	make -s -C "$t/embed/make"
	judges make-shared "$t" "$t/embed/make/verify"
	make -s -C "$t/embed/make" clean STATIC=1
	make -s -C "$t/embed/make" STATIC=1
	judges make-static "$t" "$t/embed/make/verify"
	if ldd "$t/embed/make/verify" | grep libtrustbuild; then fail 'make-static is not static'; fi
	make -s -C "$t/embed/cxx"
	judges c++ "$t" "$t/embed/cxx/verify"
	cmake -S "$t/embed/cmake" -B "$t/cmake" >/dev/null
	cmake --build "$t/cmake" >/dev/null
	judges cmake-shared "$t" "$t/cmake/verify"
	judges cmake-static "$t" "$t/cmake/verify-static"
	for half in trustbuild trustbuild-verify; do
		/usr/bin/meson setup "$t/meson-$half" "$t/embed/meson" -Dhalf=$half >/dev/null
		ninja -C "$t/meson-$half" >/dev/null
		judges "meson-$half" "$t" "$t/meson-$half/verify"
	done
}

# As a build step: a refusal stops the build.
verify_steps() { # EXAMPLES FOLDER-OF-GOOD-AND-BAD
	local t=$2 kind
	cp -r "$1/embed/verify-step" "$t/step"
	for kind in good bad; do
		/usr/bin/meson setup "$t/step-meson-$kind" "$t/step" -Dartifact="$t/$kind/tb-verify" \
			-Dpolicy="$t/$kind/policy.json" >/dev/null
		cmake -S "$t/step" -B "$t/step-cmake-$kind" -DARTIFACT="$t/$kind/tb-verify" \
			-DPOLICY="$t/$kind/policy.json" >/dev/null
		stops "$t/$kind" make -s -C "$t/step" ARTIFACT="$t/$kind/tb-verify" POLICY="$t/$kind/policy.json"
		stops "$t/$kind" ninja -C "$t/step-meson-$kind"
		stops "$t/$kind" cmake --build "$t/step-cmake-$kind"
	done
	echo 'verify-step: ok'
}

stops() { # FOLDER COMMAND…
	local kind=${1##*/} log=$1.log status=0
	shift
	"$@" >"$log" 2>&1 || status=$?
	case $kind$status in
	good0) ;;
	bad[1-9]) grep -q 'REFUSED artifact.digest' "$log" || fail "$*: stopped for another reason: $(cat "$log")" ;;
	*) fail "$*: $kind gave $status: $(cat "$log")" ;;
	esac
}
