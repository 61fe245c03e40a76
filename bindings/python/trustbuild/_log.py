# SPDX-License-Identifier: Apache-2.0
"""Transparency logs, where bundles are published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ._bundle import Bundle
from ._core import (Context, Working, attempt, blob_of, c_text, call, interruptible, make_error,
                    some, take_blob)
from ._native import ffi, lib


class Log(Working):
    """A log: a sequence of entries, each verified to be included when it is read::

        with Log('local:dir=/srv/log') as log:
            logged = log.publish(bundle)

    The backend is ``local``, or ``local:dir=DIR,key=FILE``: a directory in the layout of
    c2sp.org/tlog-tiles.  ``log[i]`` is entry i as it was logged, ``len(log)`` how many are under
    the newest checkpoint.  A handle belongs to one thread at a time; any number of them, in any
    number of processes, may publish to the same log.
    """

    def __init__(self, backend: str = 'local', context: Context | None = None) -> None:
        slot = ffi.new('trb_log **')
        context = context or Context()
        call(lib.trb_log_open, context._c, c_text(backend), slot)
        super().__init__(slot[0], lib.trb_log_unref, context)

    @classmethod
    def create(cls, backend: str = 'local', context: Context | None = None, *,
               origin: str | None = None) -> Log:
        """Makes a new, empty log with a fresh key, and opens it; StateError where there is one.

        ``origin`` names it in its checkpoints, best its URL without the scheme.
        """
        context = context or Context()
        blob_of(lib.trb_log_init, context._c, c_text(backend), c_text(origin))
        return cls(backend, context)

    @property
    def vkey(self) -> str:
        """The public key as a note verifier key (c2sp.org/signed-note), which goes into
        policies."""
        return some(lib.trb_log_get_vkey(self._c))

    def publish(self, bundle: Bundle) -> Bundle:
        """Publishes a bundle, and gives a copy of it that carries the proof.

        When this returns, the entry is on disk; what is in the log already keeps its index.  After
        an error it may be called again.
        """
        slot = ffi.new('trb_bundle **')
        interruptible(lambda: call(lib.trb_log_publish, self._c, bundle._c, slot),
                      self._context)
        return Bundle._adopt(slot[0])

    def checkpoint(self) -> bytes:
        """The newest checkpoint, verified, verbatim."""
        return blob_of(lib.trb_log_get_checkpoint, self._c)

    def describe(self, index: int) -> dict[str, Any]:
        """What an entry says; its inclusion alone is verified."""
        encoded = self._at(lib.trb_log_describe_entry, index)
        described: dict[str, Any] = json.loads(encoded)
        return described

    def proof(self, index: int) -> bytes:
        """The inclusion proof of an entry, as a c2sp.org/tlog-proof file."""
        return self._at(lib.trb_log_get_proof, index)

    def _at(self, function: Any, index: int) -> bytes:
        if index < 0:
            index += len(self)
        if index < 0:
            raise IndexError('the log has no such entry')
        slot = ffi.new('trb_blob **')
        code, error = attempt(function, self._c, index, slot)
        if code == lib.TRB_E_DONE:
            raise IndexError('the log has no such entry')
        if code < 0:
            raise make_error(error, code)
        return take_blob(slot[0])

    def __len__(self) -> int:
        size = ffi.new('uint64_t *')
        call(lib.trb_log_get_size, self._c, size)
        return int(size[0])

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, index: int) -> bytes:
        return self._at(lib.trb_log_get_entry, index)

    def __iter__(self) -> Iterator[bytes]:
        index = 0
        while True:
            try:
                entry = self[index]
            except IndexError:
                return
            yield entry
            index += 1

    def _tells(self) -> str:
        return self.vkey
