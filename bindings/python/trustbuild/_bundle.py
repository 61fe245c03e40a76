# SPDX-License-Identifier: Apache-2.0
"""Evidence and policy."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from typing import Any

from ._core import (Buffer, Bytes, Content, Handle, Path, attempt, blob_of, call, make_error,
                    octets, optional_octets, read)
from ._native import ffi, lib
from ._report import unreadable

# One byte more than the library reads, so that it is the one to refuse.
_BUNDLE_MAX = (4 << 20) + 1
_POLICY_MAX = (256 << 10) + 1


class Bundle(Handle):
    """All evidence for one build, in one file.  Immutable; may be shared between threads.

    ``Bundle(data)`` parses JSON, ``Bundle.load(path)`` reads a file, ``save(path)`` writes one.
    Parsing judges the form alone: what the parts say is unverified.
    """

    _unref = staticmethod(lib.trb_bundle_unref)

    def __init__(self, data: Buffer) -> None:
        slot = ffi.new('trb_bundle **')
        with Bytes(data) as view:
            code, error = attempt(lib.trb_bundle_parse, view, slot)
        if code < 0:
            raise make_error(error, code, unreadable(error))
        super().__init__(slot[0], self._unref)

    @classmethod
    def load(cls, source: Content) -> Bundle:
        """Reads a bundle from a file, or from bytes."""
        return cls(read(source, _BUNDLE_MAX))

    def encode(self) -> bytes:
        """The bundle as JSON."""
        return blob_of(lib.trb_bundle_encode, self._c)

    def save(self, path: Path) -> None:
        """Writes the bundle to a file, which is there whole or not at all."""
        folder, name = os.path.split(os.fsdecode(path))
        part = os.path.join(folder, f'.{name}.{secrets.token_hex(8)}')
        try:
            with open(part, 'xb') as file:
                file.write(self.encode())
            os.replace(part, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part)
            raise

    def describe(self) -> dict[str, Any]:
        """What it says, for people and tools; unverified."""
        described: dict[str, Any] = json.loads(blob_of(lib.trb_bundle_describe, self._c))
        return described

    @property
    def request(self) -> bytes:
        """The encoded request, for Request.parse()."""
        return octets(lib.trb_bundle_get_request(self._c))

    @property
    def environment(self) -> bytes:
        """The encoded environment of the build."""
        return octets(lib.trb_bundle_get_environment(self._c))

    @property
    def artifacts(self) -> bytes:
        """The encoded list of artifacts."""
        return octets(lib.trb_bundle_get_artifacts(self._c))

    @property
    def materials(self) -> bytes | None:
        """What was taken into the build besides the source, encoded; None where there is
        nothing."""
        return optional_octets(lib.trb_bundle_get_materials(self._c))

    @property
    def attestation(self) -> bytes:
        """The attestation document (AT), for Attestation()."""
        return octets(lib.trb_bundle_get_attestation(self._c))

    @property
    def statement(self) -> bytes:
        """The in-toto statement, JSON."""
        return octets(lib.trb_bundle_get_statement(self._c))

    @property
    def log_entries(self) -> int:
        """How many log entries it carries."""
        return int(lib.trb_bundle_count_logs(self._c))

    def __bytes__(self) -> bytes:
        return self.encode()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.encode(),)


class Policy(Handle):
    """What a verifier demands.  Immutable; may be shared between threads.

    ``Policy(data)`` parses JSON, ``Policy.load(path)`` reads a file; ``draft_policy()`` helps to
    write one.
    """

    def __init__(self, data: Buffer) -> None:
        slot = ffi.new('trb_policy **')
        with Bytes(data) as view:
            call(lib.trb_policy_parse, view, slot)
        super().__init__(slot[0], lib.trb_policy_unref)

    @classmethod
    def load(cls, source: Content) -> Policy:
        """Reads a policy from a file, or from bytes."""
        return cls(read(source, _POLICY_MAX))

    @property
    def accepts_hardware(self) -> bool:
        """Whether evidence of real hardware can satisfy it."""
        return bool(lib.trb_policy_accepts_hardware(self._c))

    @property
    def accepts_simulated(self) -> bool:
        """Whether evidence of a simulated enclave can satisfy it."""
        return bool(lib.trb_policy_accepts_simulated(self._c))
