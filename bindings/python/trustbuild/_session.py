# SPDX-License-Identifier: Apache-2.0
"""The host's side: one session is one enclave is one build."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

from ._bundle import Bundle
from ._core import (Buffer, Bytes, Context, Path, blob_of, c_text, call, directory, interruptible,
                    one_or_many, time_limit)
from ._events import Event, Eventful, in_thread
from ._native import ffi, lib
from ._report import Assurance
from ._request import Request
from .errors import StateError


class Session(Eventful):
    """One enclave, for one build::

        with Session.process('builder.eif', output='out') as session:
            bundle = session.build(request)

    or, with everything that happens on the way,

        with Session.process('builder.eif', output='out') as session:
            for event in session.run(request):
                ...

    or, in a coroutine,

        async with Session.process('builder.eif', output='out') as session:
            async for event in session.stream(request):
                ...

    ``backend`` is ``'process:eif=FILE'`` with options (``Session.process()`` writes that).  The
    artifacts are moved into the directory ``output``, all of them or none; without one they are
    hashed and dropped.  ``credential`` is a token for the repository and what lies below it,
    ``credentials`` are tokens for other URLs, such as submodules'.  ``allow_private`` are hosts
    that the enclave may reach though their addresses are private.  ``timeout`` in seconds ends the
    session with TimedOutError.  ``source_limits`` are bounds by name, such as ``{'files': 1000}``,
    which can only stop a build.  A ``Job`` does a session and what comes around it.

    Leaving the ``with`` block ends the enclave and waits until nothing of it is left.  cancel() may
    come from any thread; of the others' calls, one waits for the other.
    """

    _next = staticmethod(lib.trb_session_next_event)
    _fd = staticmethod(lib.trb_session_get_fd)
    _cancel = staticmethod(lib.trb_session_cancel)

    def __init__(self, backend: str, context: Context | None = None, *,
                 output: Path | None = None, credential: Buffer | None = None,
                 allow_private: str | Iterable[str] = (), timeout: float | None = None,
                 source_limits: Mapping[str, int] | None = None,
                 credentials: Mapping[str, Buffer] | None = None) -> None:
        slot = ffi.new('trb_session **')
        context = context or Context()
        call(lib.trb_session_open, context._c, c_text(backend), slot)
        super().__init__(slot[0], lib.trb_session_unref, context)
        try:
            self._set(output, credential, one_or_many(allow_private), timeout)
            for prefix, token in (credentials or {}).items():
                with Bytes(token) as view:
                    call(lib.trb_session_add_credential, self._c, c_text(prefix), view)
            for name, value in (source_limits or {}).items():
                call(lib.trb_session_set_source_limit, self._c, c_text(name), value)
        except BaseException:
            self.close()
            raise

    def _set(self, output: Path | None, credential: Buffer | None, allow_private: tuple[str, ...],
             timeout: float | None) -> None:
        if output is not None:
            with directory(output) as fd:
                call(lib.trb_session_set_output_dirfd, self._c, fd)
        if credential is not None:
            with Bytes(credential) as view:
                call(lib.trb_session_set_credential, self._c, view)
        for host in allow_private:
            call(lib.trb_session_allow_private, self._c, c_text(host))
        if timeout is not None:
            call(lib.trb_session_set_timeout, self._c, time_limit(timeout))

    @classmethod
    def process(cls, eif: Path, context: Context | None = None, *, memory_mib: int | None = None,
                pids: int | None = None, output: Path | None = None,
                credential: Buffer | None = None, allow_private: str | Iterable[str] = (),
                timeout: float | None = None,
                source_limits: Mapping[str, int] | None = None,
                credentials: Mapping[str, Buffer] | None = None) -> Session:
        """A session with the simulated backend ``process``, which runs the image's userland in
        namespaces of its own.  ``memory_mib`` and ``pids`` limit the enclave, and need root."""
        name = os.fsdecode(eif)
        quoted = name.replace('\\', '\\\\').replace('"', '\\"')
        options = [f'eif="{quoted}"']
        options += [] if memory_mib is None else [f'memory_mib={memory_mib}']
        options += [] if pids is None else [f'pids={pids}']
        return cls('process:' + ','.join(options), context, output=output, credential=credential,
                   allow_private=allow_private, timeout=timeout, source_limits=source_limits,
                   credentials=credentials)

    def boot(self) -> None:
        """Boots the enclave without a request: events() up to the state ``'READY'``, in which it
        waits for start() as long as you like."""
        with self._turn:
            call(lib.trb_session_boot, self._c)

    @property
    def assurance(self) -> Assurance | None:
        """What the backend says of its enclaves; None where it does not say."""
        value = lib.trb_session_get_assurance(self._c)
        return Assurance(value) if value else None

    def start(self, request: Request) -> None:
        """Starts the enclave.  The first time, an image is measured and unpacked, which takes
        seconds."""
        def work() -> None:
            with self._turn:
                call(lib.trb_session_start, self._c, request._c)

        interruptible(work, self._context, self.cancel)

    def run(self, request: Request) -> Iterator[Event]:
        """Starts the session, and gives its events as they happen."""
        self.start(request)
        return self.events()

    def build(self, request: Request) -> Bundle:
        """Starts and runs the whole session, and gives the evidence; progress goes to the context's
        log.  Ctrl-C cancels."""
        def work() -> Bundle:
            slot = ffi.new('trb_bundle **')
            with self._turn:
                call(lib.trb_session_build, self._c, request._c, slot)
            return Bundle._adopt(slot[0])

        return interruptible(work, self._context, self.cancel)

    async def stream(self, request: Request | None = None) -> AsyncIterator[Event]:
        """The events as they happen, for ``async for``; the event loop goes on while there is none.

        Starts the session where a request is given.
        """
        if request is not None:
            await in_thread(self.start, request)
        async for event in self._stream():
            yield event

    async def build_async(self, request: Request) -> Bundle:
        """Starts and runs the whole session, and gives the evidence, while the event loop goes
        on."""
        bundle = None
        async for event in self.stream(request):
            bundle = event.bundle or bundle
        if bundle is None:
            raise StateError('a session without a result')
        return bundle

    def _end(self) -> None:
        call(lib.trb_session_close, self._c)


def simulated_root(context: Context | None = None) -> bytes:
    """The certificate (DER) of this state directory's development root, under which simulated
    enclaves of this machine sign; made at the first use.  A policy pins its SHA-256."""
    context = context or Context()
    return blob_of(lib.trb_simulated_root_load, context._c)
