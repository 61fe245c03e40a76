# SPDX-License-Identifier: Apache-2.0
"""Inside an enclave: fetching a source, building it in a sandbox, serving a host.

For whoever writes an enclave of their own; the program tb-enclave does all this.
"""

from __future__ import annotations

import logging
import os
import select
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ._core import (Buffer, Bytes, Content, Context, Path, Working, attempt, c_path, c_text, call,
                    make_error, octets, one_or_many, optional_octets, read, some, text)
from ._native import ffi, lib
from ._request import Request
from .errors import StateError, TimedOutError

__all__ = ['BuiltFile', 'OutputStream', 'SandboxBuild', 'Source', 'Submodule', 'serve']

_RECIPE_MAX = (64 << 10) + 1
_log = logging.getLogger('trustbuild')


class _Stepping(Working):
    """Work that is done by steps, whenever a descriptor is readable."""

    _step: Any
    _fd: Any

    def fileno(self) -> int:
        """A descriptor that is readable when step() has work; while it is running."""
        fd = int(self._fd(self._c))
        if fd < 0:
            raise StateError('it is not running')
        return fd

    def step(self) -> bool:
        """Does what there is to do without waiting; whether it is done."""
        code, error = attempt(self._step, self._c)
        if code == lib.TRB_E_AGAIN:
            return False
        if code < 0:
            raise make_error(error, code)
        return True

    def wait(self, timeout: float | None = None) -> None:
        """Steps until it is done; TimedOutError after so many seconds, or at its own limit.  After
        the former it may be called again."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self.step():
            left = 1.0 if until is None else min(1.0, until - time.monotonic())
            if left <= 0:
                raise TimedOutError('it is not done yet')
            poll = select.poll()
            poll.register(self.fileno(), select.POLLIN)
            poll.poll(left * 1000)


@dataclass(frozen=True)
class Submodule:
    """A submodule of a tree."""

    path: str
    url: str
    commit: str


class Source(_Stepping):
    """The source of a request: fetched, every object of it hashed again, sealed::

        with Source(request, '/work', context) as source:
            source.start()
            source.wait()
            print(source.commit, source.path)

    ``directory`` is an existing, absolute, private directory, best on a memory file system.
    ``egress`` is where the egress proxy listens (``'unix:/dir'`` or ``'vsock:3'``); connections are
    made directly without.  ``ca_file`` has the certificate authorities to trust, ``token`` is for
    the request's repository and what lies below it, ``credentials`` are tokens for other URLs and
    what lies below these.  ``limits`` sets bounds by name, for example ``{'wall_s': 60}``.  close()
    removes the tree.
    """

    _step = staticmethod(lib.trb_source_step)
    _fd = staticmethod(lib.trb_source_get_fd)

    def __init__(self, request: Request, directory: Path, context: Context | None = None, *,
                 egress: str | None = None, ca_file: Path | None = None,
                 token: Buffer | None = None, limits: Mapping[str, int] | None = None,
                 credentials: Mapping[str, Buffer] | None = None) -> None:
        slot = ffi.new('trb_source **')
        context = context or Context()
        call(lib.trb_source_new, context._c, request._c, c_path(directory), slot)
        super().__init__(slot[0], lib.trb_source_unref, context)
        if egress is not None:
            call(lib.trb_source_set_egress, self._c, c_text(egress))
        if ca_file is not None:
            call(lib.trb_source_set_ca_file, self._c, c_path(ca_file))
        if token is not None:
            with Bytes(token) as view:
                call(lib.trb_source_set_token, self._c, view)
        for prefix, secret in (credentials or {}).items():
            with Bytes(secret) as view:
                call(lib.trb_source_add_credential, self._c, c_text(prefix), view)
        for name, value in (limits or {}).items():
            call(lib.trb_source_set_limit, self._c, c_text(name), value)

    def start(self) -> None:
        """Starts the fetcher."""
        call(lib.trb_source_start, self._c)

    @property
    def commit(self) -> str | None:
        """CT in hexadecimal digits; this and all others are None or empty until it is done."""
        return text(lib.trb_source_get_commit(self._c))

    @property
    def tip(self) -> str | None:
        """The commit that the request's ref pointed to."""
        return text(lib.trb_source_get_tip(self._c))

    @property
    def tag(self) -> str | None:
        """The annotated tag object that the ref itself pointed to."""
        return text(lib.trb_source_get_tag(self._c))

    @property
    def relation(self) -> str | None:
        """How CT stands to the ref: ``'tip'``, ``'first-parent'`` or ``'reachable'``."""
        return text(lib.trb_source_get_relation(self._c))

    @property
    def steps(self) -> int:
        """The length of the way that shows it: 0 at the tip."""
        return int(lib.trb_source_get_steps(self._c))

    @property
    def location(self) -> str | None:
        """Where the server redirected the repository to: another path of its origin."""
        return text(lib.trb_source_get_location(self._c))

    @property
    def digest(self) -> bytes:
        """The source digest: SHA-256 git tree id."""
        return octets(lib.trb_source_get_digest(self._c))

    @property
    def time(self) -> int:
        """CT's committer time, seconds since 1970."""
        return int(lib.trb_source_get_time(self._c))

    @property
    def path(self) -> str | None:
        """The sealed tree."""
        pointer = lib.trb_source_get_path(self._c)
        return None if pointer == ffi.NULL else os.fsdecode(ffi.string(pointer))

    def open_tree(self) -> int:
        """A new descriptor (O_PATH) of the sealed tree, which is yours to close."""
        fd = int(lib.trb_source_get_tree_fd(self._c))
        if fd < 0:
            raise StateError('there is no tree yet')
        return os.dup(fd)

    @property
    def recipe(self) -> bytes | None:
        """The tree's own trustbuild.json, None where there is none."""
        return optional_octets(lib.trb_source_get_recipe(self._c))

    @property
    def files(self) -> int:
        """Entries of the tree, submodules included."""
        return int(lib.trb_source_get_files(self._c))

    @property
    def size(self) -> int:
        """Bytes of the tree, submodules included."""
        return int(lib.trb_source_get_bytes(self._c))

    @property
    def submodules(self) -> Sequence[Submodule]:
        """Submodules, nested ones included, in order of their paths."""
        return tuple(Submodule(path=some(lib.trb_source_get_submodule_path(self._c, i)),
                               url=some(lib.trb_source_get_submodule_url(self._c, i)),
                               commit=some(lib.trb_source_get_submodule_commit(self._c, i)))
                     for i in range(lib.trb_source_count_submodules(self._c)))


class OutputStream(IntEnum):
    """Whose words a chunk of output is."""

    RUNNER = lib.TRB_BUILD_RUNNER
    STDOUT = lib.TRB_BUILD_STDOUT
    STDERR = lib.TRB_BUILD_STDERR


OutputSink = Callable[[OutputStream, bytes], None]


def trustbuild_python_output(stream: int, chunk: Any, user: Any) -> int:
    """What C calls inside a step; an exception of the sink ends the build."""
    build = ffi.from_handle(user)
    try:
        build._output(OutputStream(stream), octets(chunk))
    except BaseException as why:
        build._raised = why
        return int(lib.TRB_E_CANCELED)
    return 0


ffi.def_extern()(trustbuild_python_output)


@dataclass(frozen=True)
class BuiltFile:
    """A file that came out of a build, in a sealed memory file of the build's."""

    name: str
    size: int
    fd: int
    program: bool  # its owner may execute it

    def read(self) -> bytes:
        """The content."""
        with open(os.dup(self.fd), 'rb') as file:
            parts, at = [], 0
            while part := os.pread(file.fileno(), 1 << 20, at):
                parts.append(part)
                at += len(part)
        return b''.join(parts)


class SandboxBuild(_Stepping):
    """A build of a recipe in a sandbox::

        with SandboxBuild('trustbuild.json', '/rootfs.erofs', '/var/tmp/build', context) as build:
            build.start(source.path, source.commit, source.time)
            build.wait()
            for file in build.files:
                ...

    ``recipe`` is a path or content, ``rootfs`` the EROFS image of the root file system,
    ``directory`` an existing, absolute directory for this build alone.  ``output`` is called with
    what the build prints, and ends the build by raising.  ``hide`` are paths that the sandbox's
    runtime must not even see.  close() ends what is running.
    """

    _step = staticmethod(lib.trb_build_step)
    _fd = staticmethod(lib.trb_build_get_fd)

    def __init__(self, recipe: Content, rootfs: Path, directory: Path,
                 context: Context | None = None, *, sandbox: str = 'runsc',
                 output: OutputSink | None = None, hide: Path | Iterable[Path] = ()) -> None:
        slot = ffi.new('trb_build **')
        context = context or Context()
        with Bytes(read(recipe, _RECIPE_MAX)) as view:
            call(lib.trb_build_new, context._c, view, c_text(sandbox), c_path(rootfs),
                 c_path(directory), slot)
        self._set_up(slot[0], context, output)
        for path in one_or_many(hide):
            call(lib.trb_build_hide, self._c, c_path(path))

    def _set_up(self, pointer: Any, context: Context, output: OutputSink | None) -> None:
        Working.__init__(self, pointer, lib.trb_build_unref, context)
        self._output = output
        self._raised: BaseException | None = None
        if output is not None:
            self._handle = ffi.new_handle(self)
            lib.trb_build_set_sink(self._c, lib.trustbuild_python_output, self._handle)

    def step(self) -> bool:
        """Does what there is to do without waiting; whether every command has succeeded."""
        try:
            return super().step()
        except Exception:
            if self._raised is not None:
                raised, self._raised = self._raised, None
                raise raised from None
            raise

    def start(self, source: Path, commit: str, time: int) -> None:
        """Starts the sandbox over the tree at ``source``; ``commit`` and ``time`` are what the
        build sees of them."""
        call(lib.trb_build_start, self._c, c_path(source), c_text(commit), time)

    @property
    def spec(self) -> bytes:
        """config.json, as it is given to the runtime."""
        return octets(lib.trb_build_get_spec(self._c))

    @property
    def runtime(self) -> str:
        """The runtime's name."""
        return some(lib.trb_build_get_runtime(self._c))

    @property
    def runtime_version(self) -> str:
        """The runtime's own word for its version."""
        return some(lib.trb_build_get_runtime_version(self._c))

    @property
    def platform(self) -> str:
        """What the runtime stands on."""
        return some(lib.trb_build_get_platform(self._c))

    @property
    def limits(self) -> dict[str, int]:
        """The limits in force."""
        value = ffi.new('uint64_t *')
        return {some(lib.trb_build_get_limit(self._c, i, value)): int(value[0])
                for i in range(lib.trb_build_count_limits(self._c))}

    @property
    def files(self) -> Sequence[BuiltFile]:
        """What came out, in order of the names; empty until it is done."""
        return tuple(BuiltFile(name=some(lib.trb_build_get_file_name(self._c, i)),
                               size=int(lib.trb_build_get_file_size(self._c, i)),
                               fd=int(lib.trb_build_get_file_fd(self._c, i)),
                               program=bool(lib.trb_build_is_program(self._c, i)))
                     for i in range(lib.trb_build_count_files(self._c)))

    @property
    def has_after(self) -> bool:
        """Whether the recipe has commands for after the attestation."""
        return bool(lib.trb_build_has_after(self._c))

    def after(self, attestation: Buffer, statement: Buffer, *,
              output: OutputSink | None = None) -> SandboxBuild:
        """The step after the attestation, a build of its own, not started yet; what comes out of it
        is nobody's evidence."""
        slot = ffi.new('trb_build **')
        with Bytes(attestation) as document, Bytes(statement) as words:
            call(lib.trb_build_new_after, self._c, document, words, slot)
        after = type(self).__new__(type(self))
        after._set_up(slot[0], self._context, output)
        return after


def serve(conf: str = '', context: Context | None = None) -> None:
    """Serves one build to the host, from hello to done, as the first process of an enclave does.

    ``conf`` is a list of ``key=value``: transport, nsm, work, rootfs, rootfs_digest, ca.
    """
    context = context or Context()
    call(lib.trb_enclave_serve, context._c, c_text(conf))
