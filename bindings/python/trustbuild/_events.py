# SPDX-License-Identifier: Apache-2.0
"""What happens in sessions and jobs, as it happens."""

from __future__ import annotations

import asyncio
import select
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeVar

from ._bundle import Bundle
from ._core import Context, Working, attempt, make_error, octets, text
from ._native import ffi, lib
from .errors import DoneError, StateError

_T = TypeVar('_T')
_Self = TypeVar('_Self', bound='Eventful')


class EventType(IntEnum):
    """Kinds of events."""

    STATE = lib.TRB_EVENT_STATE
    PROGRESS = lib.TRB_EVENT_PROGRESS
    OUTPUT = lib.TRB_EVENT_OUTPUT
    ARTIFACT = lib.TRB_EVENT_ARTIFACT
    BUNDLE = lib.TRB_EVENT_BUNDLE
    STEP = lib.TRB_EVENT_STEP


@dataclass(frozen=True)
class Event:
    """What happened in a session or a job.  ``text`` is outside text: escape() it before showing
    it.

    ========  ====================================================================================
    STATE     the enclave went on to ``state``, for example ``'FETCHING'``
    PROGRESS  the enclave client's words are ``text``
    OUTPUT    the build printed ``text`` on ``stream``: 1 is standard output, 2 standard error
    ARTIFACT  the file named ``text``, of ``size`` bytes, was moved into place; it is ``attested``,
              or made by the commands for after the attestation
    BUNDLE    ``bundle`` is the evidence
    STEP      a job's step ended: ``state`` is ``'RESOLVED'``, ``'SAVED'``, ``'PUBLISHED'`` or
              ``'PLACED'``
    ========  ====================================================================================

    With the state ``'READY'``, ``cpus``, ``memory_mib`` and ``cpu_model`` are what the build sees
    of the machine.  With ``'COMMITTED'``, ``text`` is the commit in hexadecimal digits;
    ``relation`` (``'tip'``, ``'first-parent'`` or ``'reachable'``) and ``steps`` are how it stands
    to the ``tip`` of the request's ref, ``tag`` is the annotated tag that this pointed to, and
    ``location`` where the repository was redirected to.
    """

    type: EventType
    state: str | None
    text: bytes
    stream: int
    size: int
    attested: bool
    bundle: Bundle | None
    cpus: int
    memory_mib: int
    cpu_model: str | None
    relation: str | None
    steps: int
    tip: str | None
    tag: str | None
    location: str | None


def _event(event: Any) -> Event:
    bundle = lib.trb_event_get_bundle(event)
    return Event(
        type=EventType(lib.trb_event_get_type(event)),
        state=text(lib.trb_event_get_state(event)),
        text=octets(lib.trb_event_get_text(event)),
        stream=int(lib.trb_event_get_stream(event)),
        size=int(lib.trb_event_get_size(event)),
        attested=bool(lib.trb_event_is_attested(event)),
        bundle=None if bundle == ffi.NULL else Bundle._adopt(lib.trb_bundle_ref(bundle)),
        cpus=int(lib.trb_event_get_cpus(event)),
        memory_mib=int(lib.trb_event_get_memory_mib(event)),
        cpu_model=text(lib.trb_event_get_cpu_model(event)),
        relation=text(lib.trb_event_get_relation(event)),
        steps=int(lib.trb_event_get_steps(event)),
        tip=text(lib.trb_event_get_tip(event)),
        tag=text(lib.trb_event_get_tag(event)),
        location=text(lib.trb_event_get_location(event)))


class Eventful(Working):
    """What has events.  cancel() may come from any thread; of the others' calls, one waits for the
    other."""

    _next: Any
    _fd: Any
    _cancel: Any

    def __init__(self, pointer: Any, unref: Any, context: Context) -> None:
        self._turn = threading.RLock()
        super().__init__(pointer, unref, context)

    def fileno(self) -> int:
        """A descriptor that is readable when next_event() has work.  For poll() and its kind
        alone."""
        fd = int(self._fd(self._c))
        if fd < 0:
            raise StateError('it was not started')
        return fd

    def next_event(self) -> Event | None:
        """Does what there is to do without waiting, and gives the next event, or None where there
        is none yet: wait for fileno().  Raises DoneError after the last one."""
        slot = ffi.new('trb_event **')
        with self._turn:
            code, error = attempt(self._next, self._c, slot)
        if code == lib.TRB_E_AGAIN:
            return None
        if code < 0:
            raise make_error(error, code)
        return _event(ffi.gc(slot[0], lib.trb_event_unref))

    def events(self) -> Iterator[Event]:
        """The events to the last one, waiting for each."""
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

    async def _stream(self) -> AsyncIterator[Event]:
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
        return self._stream()

    def cancel(self) -> None:
        """Asks it to end soon with CanceledError; from any thread."""
        pointer = self._pointer
        if pointer is not None:
            self._cancel(pointer)

    def _end(self) -> None:
        """What comes before the reference is dropped."""

    def close(self) -> None:
        """Ends the enclave if it still runs, and waits until nothing of it is left."""
        self.cancel()
        with self._turn:
            if self._pointer is not None:
                try:
                    self._end()
                finally:
                    super().close()

    async def __aenter__(self: _Self) -> _Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        # A task that is canceled meanwhile does not leave an enclave behind.
        await asyncio.shield(in_thread(self.close))

    def __del__(self) -> None:
        if self._pointer is not None:
            warnings.warn(f'unclosed {self!r}', ResourceWarning, source=self, stacklevel=2)


def in_thread(function: Callable[..., _T], *args: Any) -> asyncio.Future[_T]:
    """What a function gives, while the event loop goes on."""
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
