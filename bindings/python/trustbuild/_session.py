# SPDX-License-Identifier: Apache-2.0
"""The host's side: one session is one enclave is one build."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ._core import (Buffer, Bytes, Context, Handle, Path, attempt, c_path, c_text, call, make_error,
                    octets, some, take_blob, text)
from ._native import ffi, lib
from ._verify import Bundle
from .errors import StateError


class Request(Handle):
    """What is to be built: commit of repository, under a sandbox, with a fresh nonce."""

    def __init__(self, repository: str, commit: str, *, ref: str | None = None,
                 recipe: Buffer | None = None, sandbox: str | None = None,
                 nonce: Buffer | None = None, context: Context | None = None) -> None:
        slot = ffi.new('trb_request **')
        call(lib.trb_request_new, ffi.NULL if context is None else context._c, c_text(repository),
             c_text(commit), slot)
        super().__init__(slot[0], lib.trb_request_unref)
        if ref is not None:
            call(lib.trb_request_set_ref, self._c, c_text(ref))
        self._demand(recipe, sandbox, nonce)

    def _demand(self, recipe: Buffer | None, sandbox: str | None, nonce: Buffer | None) -> None:
        if recipe is not None:
            with Bytes(recipe) as view:
                call(lib.trb_request_set_recipe, self._c, view)
        if sandbox is not None:
            call(lib.trb_request_set_sandbox, self._c, c_text(sandbox))
        if nonce is not None:
            with Bytes(nonce) as view:
                call(lib.trb_request_set_nonce, self._c, view)

    @classmethod
    def _adopt(cls, pointer: Any) -> Request:
        request = cls.__new__(cls)
        Handle.__init__(request, pointer, lib.trb_request_unref)
        return request

    @classmethod
    def resolve(cls, context: Context, repository: str, name: str | None = None, *,
                ref: str | None = None, ca_file: Path | None = None, token: Buffer = b'',
                recipe: Buffer | None = None, sandbox: str | None = None,
                nonce: Buffer | None = None) -> Request:
        """A request for a commit that has another name: a branch, a tag or a cut id, which the
        repository's server is asked for."""
        slot = ffi.new('trb_request **')
        with Bytes(token) as view:
            call(lib.trb_request_resolve, context._c, c_text(repository), c_text(name), c_text(ref),
                 ffi.NULL if ca_file is None else c_path(ca_file), view, slot)
        request = cls._adopt(slot[0])
        request._demand(recipe, sandbox, nonce)
        return request

    @classmethod
    def parse(cls, encoded: Buffer) -> Request:
        """Reads an encoded request."""
        slot = ffi.new('trb_request **')
        with Bytes(encoded) as view:
            call(lib.trb_request_parse, view, slot)
        return cls._adopt(slot[0])

    def encode(self) -> bytes:
        """The request as deterministic CBOR."""
        slot = ffi.new('trb_blob **')
        call(lib.trb_request_encode, self._c, slot)
        return take_blob(slot[0])

    @property
    def repository(self) -> str:
        return some(lib.trb_request_get_repository(self._c))

    @property
    def commit(self) -> str:
        return some(lib.trb_request_get_commit(self._c))

    @property
    def ref(self) -> str | None:
        return text(lib.trb_request_get_ref(self._c))

    @property
    def recipe(self) -> bytes | None:
        """None where it is the tree's own."""
        return octets(lib.trb_request_get_recipe(self._c)) or None

    @property
    def sandbox(self) -> str:
        return some(lib.trb_request_get_sandbox(self._c))

    @property
    def nonce(self) -> bytes:
        return octets(lib.trb_request_get_nonce(self._c))


class EventType(IntEnum):
    """Kinds of events."""

    STATE = lib.TRB_EVENT_STATE
    PROGRESS = lib.TRB_EVENT_PROGRESS
    OUTPUT = lib.TRB_EVENT_OUTPUT
    ARTIFACT = lib.TRB_EVENT_ARTIFACT
    BUNDLE = lib.TRB_EVENT_BUNDLE


@dataclass(frozen=True)
class Event:
    """What happened in a session.  ``text`` is outside text: escape it before showing it."""

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


class Session(Handle):
    """One enclave, for one build::

        with Session('process:eif=builder.eif', context, output='out') as session:
            for event in session.run(request):
                ...

    Leaving the ``with`` block ends the enclave and waits until nothing of it is left.  A session
    belongs to one thread at a time; cancel() may come from any.
    """

    def __init__(self, backend: str, context: Context, *, output: Path | None = None,
                 credential: Buffer | None = None, allow_private: tuple[str, ...] = (),
                 timeout: int = 0) -> None:
        slot = ffi.new('trb_session **')
        call(lib.trb_session_open, context._c, c_text(backend), slot)
        super().__init__(slot[0], lib.trb_session_unref)
        self._context = context
        if output is not None:
            self._set_output(output)
        if credential is not None:
            with Bytes(credential) as view:
                call(lib.trb_session_set_credential, self._c, view)
        for host in allow_private:
            call(lib.trb_session_allow_private, self._c, c_text(host))
        if timeout:
            call(lib.trb_session_set_timeout, self._c, timeout)

    def _set_output(self, output: Path) -> None:
        fd = os.open(output, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            call(lib.trb_session_set_output_dirfd, self._c, fd)
        finally:
            os.close(fd)

    def start(self, request: Request) -> None:
        """Starts the enclave."""
        call(lib.trb_session_start, self._c, request._c)

    def fileno(self) -> int:
        """A descriptor that is readable when next_event() has work; of a started session."""
        fd = int(lib.trb_session_get_fd(self._c))
        if fd < 0:
            raise StateError('the session was not started')
        return fd

    def next_event(self) -> Event | None:
        """The next event, or None where there is none yet; raises StopIteration after the last."""
        slot = ffi.new('trb_event **')
        code, error = attempt(lib.trb_session_next_event, self._c, slot)
        if code == lib.TRB_E_AGAIN:
            return None
        if code == lib.TRB_E_DONE:
            raise StopIteration
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
            except StopIteration:
                return
            if event is None:
                poll.poll()
            else:
                yield event

    async def stream(self) -> AsyncIterator[Event]:
        """The events of a started session; the loop goes on while none is there."""
        while True:
            try:
                event = self.next_event()
            except StopIteration:
                return
            if event is None:
                await _readable(self.fileno())
            else:
                yield event

    def run(self, request: Request) -> Iterator[Event]:
        """Starts the session and gives its events."""
        self.start(request)
        return self.events()

    def build(self, request: Request) -> Bundle:
        """Starts and runs the whole session; progress goes to the context's log."""
        slot = ffi.new('trb_bundle **')
        call(lib.trb_session_build, self._c, request._c, slot)
        return Bundle._adopt(slot[0])

    def cancel(self) -> None:
        """Asks the session to end soon with CanceledError; from any thread."""
        lib.trb_session_cancel(self._c)

    def close(self) -> None:
        """Ends the enclave if it still runs, and waits until nothing of it is left."""
        if not self.closed:
            try:
                call(lib.trb_session_close, self._c)
            finally:
                super().close()

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.close)


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


def simulated_root(context: Context) -> bytes:
    """The certificate (DER) of this state directory's development root, made at the first use."""
    slot = ffi.new('trb_blob **')
    call(lib.trb_simulated_root_load, context._c, slot)
    return take_blob(slot[0])
