# SPDX-License-Identifier: Apache-2.0
"""The host's side: one session is one enclave is one build."""

from __future__ import annotations

import asyncio
import math
import os
import select
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeVar

from ._bundle import Bundle
from ._core import (Buffer, Bytes, Context, Path, Working, attempt, blob_of, c_text, call,
                    interruptible, make_error, octets, one_or_many, text)
from ._native import ffi, lib
from ._request import Request
from .errors import DoneError, InvalidError, StateError

_T = TypeVar('_T')


class EventType(IntEnum):
    """Kinds of events."""

    STATE = lib.TRB_EVENT_STATE
    PROGRESS = lib.TRB_EVENT_PROGRESS
    OUTPUT = lib.TRB_EVENT_OUTPUT
    ARTIFACT = lib.TRB_EVENT_ARTIFACT
    BUNDLE = lib.TRB_EVENT_BUNDLE


@dataclass(frozen=True)
class Event:
    """What happened in a session.  ``text`` is outside text: escape() it before showing it.

    ========  ====================================================================================
    STATE     the enclave went on to ``state``, for example ``'FETCHING'``; with ``'COMMITTED'``,
              ``text`` is the commit in hexadecimal digits
    PROGRESS  the enclave client's words are ``text``
    OUTPUT    the build printed ``text`` on ``stream``: 1 is standard output, 2 standard error
    ARTIFACT  the file named ``text``, of ``size`` bytes, was moved into place; it is ``attested``,
              or made by the commands for after the attestation
    BUNDLE    ``bundle`` is the evidence
    ========  ====================================================================================
    """

    type: EventType
    state: str | None
    text: bytes
    stream: int
    size: int
    attested: bool
    bundle: Bundle | None


def _event(event: Any) -> Event:
    bundle = lib.trb_event_get_bundle(event)
    return Event(
        type=EventType(lib.trb_event_get_type(event)),
        state=text(lib.trb_event_get_state(event)),
        text=octets(lib.trb_event_get_text(event)),
        stream=int(lib.trb_event_get_stream(event)),
        size=int(lib.trb_event_get_size(event)),
        attested=bool(lib.trb_event_is_attested(event)),
        bundle=None if bundle == ffi.NULL else Bundle._adopt(lib.trb_bundle_ref(bundle)))


class Session(Working):
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
    hashed and dropped.  ``credential`` is a token for the repository.  ``allow_private`` are hosts
    that the enclave may reach though their addresses are private.  ``timeout`` in seconds ends the
    session with TimedOutError.

    Leaving the ``with`` block ends the enclave and waits until nothing of it is left.  cancel() may
    come from any thread; of the others' calls, one waits for the other.
    """

    def __init__(self, backend: str, context: Context | None = None, *,
                 output: Path | None = None, credential: Buffer | None = None,
                 allow_private: str | Iterable[str] = (), timeout: float | None = None) -> None:
        slot = ffi.new('trb_session **')
        context = context or Context()
        self._turn = threading.Lock()
        call(lib.trb_session_open, context._c, c_text(backend), slot)
        super().__init__(slot[0], lib.trb_session_unref, context)
        try:
            self._set(output, credential, one_or_many(allow_private), timeout)
        except BaseException:
            self.close()
            raise

    def _set(self, output: Path | None, credential: Buffer | None, allow_private: tuple[str, ...],
             timeout: float | None) -> None:
        if output is not None:
            self._set_output(output)
        if credential is not None:
            with Bytes(credential) as view:
                call(lib.trb_session_set_credential, self._c, view)
        for host in allow_private:
            call(lib.trb_session_allow_private, self._c, c_text(host))
        if timeout is not None:
            self._set_timeout(timeout)

    @classmethod
    def process(cls, eif: Path, context: Context | None = None, *, memory_mib: int | None = None,
                pids: int | None = None, output: Path | None = None,
                credential: Buffer | None = None, allow_private: str | Iterable[str] = (),
                timeout: float | None = None) -> Session:
        """A session with the simulated backend ``process``, which runs the image's userland in
        namespaces of its own.  ``memory_mib`` and ``pids`` limit the enclave, and need root."""
        name = os.fsdecode(eif)
        quoted = name.replace('\\', '\\\\').replace('"', '\\"')
        options = [f'eif="{quoted}"']
        options += [] if memory_mib is None else [f'memory_mib={memory_mib}']
        options += [] if pids is None else [f'pids={pids}']
        return cls('process:' + ','.join(options), context, output=output, credential=credential,
                   allow_private=allow_private, timeout=timeout)

    def _set_output(self, output: Path) -> None:
        fd = os.open(output, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            call(lib.trb_session_set_output_dirfd, self._c, fd)
        finally:
            os.close(fd)

    def _set_timeout(self, timeout: float) -> None:
        seconds = math.ceil(timeout)
        if not 0 < seconds < 1 << 32:
            raise InvalidError(f'no time limit: {timeout!r}')
        call(lib.trb_session_set_timeout, self._c, seconds)

    def start(self, request: Request) -> None:
        """Starts the enclave.  The first time, an image is measured and unpacked, which takes
        seconds."""
        def work() -> None:
            with self._turn:
                call(lib.trb_session_start, self._c, request._c)

        interruptible(work, self._context, self.cancel)

    def fileno(self) -> int:
        """A descriptor that is readable when next_event() has work; of a started session.  For
        poll() and its kind alone."""
        fd = int(lib.trb_session_get_fd(self._c))
        if fd < 0:
            raise StateError('the session was not started')
        return fd

    def next_event(self) -> Event | None:
        """Does what there is to do without waiting, and gives the next event, or None where there
        is none yet: wait for fileno().  Raises DoneError after the last one."""
        slot = ffi.new('trb_event **')
        with self._turn:
            code, error = attempt(lib.trb_session_next_event, self._c, slot)
        if code == lib.TRB_E_AGAIN:
            return None
        if code < 0:
            raise make_error(error, code)
        return _event(ffi.gc(slot[0], lib.trb_event_unref))

    def events(self) -> Iterator[Event]:
        """The events of a started session, waiting for each."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        while True:
            try:
                event = self.next_event()
            except DoneError:
                return
            if event is None:
                poll.poll()
            else:
                yield event

    def __iter__(self) -> Iterator[Event]:
        return self.events()

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
            await _in_thread(self.start, request)
        while True:
            try:
                event = self.next_event()
            except DoneError:
                return
            if event is None:
                await _readable(self.fileno())
            else:
                yield event

    def __aiter__(self) -> AsyncIterator[Event]:
        return self.stream()

    async def build_async(self, request: Request) -> Bundle:
        """Starts and runs the whole session, and gives the evidence, while the event loop goes
        on."""
        bundle = None
        async for event in self.stream(request):
            bundle = event.bundle or bundle
        if bundle is None:
            raise StateError('a session without a result')
        return bundle

    def cancel(self) -> None:
        """Asks the session to end soon with CanceledError; from any thread."""
        pointer = self._pointer
        if pointer is not None:
            lib.trb_session_cancel(pointer)

    def close(self) -> None:
        """Ends the enclave if it still runs, and waits until nothing of it is left."""
        self.cancel()
        with self._turn:
            if self._pointer is not None:
                try:
                    call(lib.trb_session_close, self._c)
                finally:
                    super().close()

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *_: object) -> None:
        # A task that is canceled meanwhile does not leave an enclave behind.
        await asyncio.shield(_in_thread(self.close))

    def __del__(self) -> None:
        if self._pointer is not None:
            warnings.warn(f'unclosed {self!r}', ResourceWarning, source=self, stacklevel=2)


def _in_thread(function: Callable[..., _T], *args: Any) -> asyncio.Future[_T]:
    return asyncio.get_running_loop().run_in_executor(None, function, *args)


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(fd, wake)
    try:
        await ready
    finally:
        loop.remove_reader(fd)


def simulated_root(context: Context | None = None) -> bytes:
    """The certificate (DER) of this state directory's development root, under which simulated
    enclaves of this machine sign; made at the first use.  A policy pins its SHA-256."""
    context = context or Context()
    return blob_of(lib.trb_simulated_root_load, context._c)
