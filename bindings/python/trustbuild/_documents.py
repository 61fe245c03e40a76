# SPDX-License-Identifier: Apache-2.0
"""Bare attestation documents of the AWS Nitro Security Module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ._core import (Buffer, Bytes, Content, Handle, When, attempt, call, make_error, octets,
                    one_or_many, optional_octets, pcrs, read, seconds, take_blob,
                    whole_seconds)
from ._native import ffi, lib
from ._report import Assurance, DocumentReport

# One byte more than the library reads, so that it is the one to refuse.
_DOCUMENT_MAX = (16 << 10) + 1
_CERTIFICATE_MAX = (4 << 10) + 1


class Attestation(Handle):
    """A document of the AWS Nitro Security Module: parsed, NOT verified.

    Immutable; may be shared between threads.  ``verify_document()`` judges one.
    """

    _unref = staticmethod(lib.trb_attestation_unref)

    def __init__(self, document: Buffer) -> None:
        slot = ffi.new('trb_attestation **')
        with Bytes(document) as view:
            call(lib.trb_attestation_parse, view, slot)
        super().__init__(slot[0], self._unref)

    @classmethod
    def load(cls, source: Content) -> Attestation:
        """Reads a document from a file, or from bytes."""
        return cls(read(source, _DOCUMENT_MAX))

    @property
    def document(self) -> bytes:
        """The document as it was given."""
        return octets(lib.trb_attestation_get_document(self._c))

    @property
    def module_id(self) -> str:
        """The name of the NSM that signed."""
        return octets(lib.trb_attestation_get_module_id(self._c)).decode('utf-8', 'surrogateescape')

    @property
    def timestamp_ms(self) -> int:
        """When it was signed, by the hypervisor's word: milliseconds since 1970."""
        return int(lib.trb_attestation_get_timestamp_ms(self._c))

    @property
    def debug(self) -> bool:
        """Whether PCR0, 1 and 2 are zero, so that the enclave's code is not attested."""
        return bool(lib.trb_attestation_is_debug(self._c))

    @property
    def pcrs(self) -> dict[int, bytes]:
        """The locked PCRs."""
        return pcrs(lib.trb_attestation_get_pcr, self._c)

    @property
    def certificate(self) -> bytes:
        """The certificate of the signing key, DER."""
        return octets(lib.trb_attestation_get_certificate(self._c))

    @property
    def cabundle(self) -> Sequence[bytes]:
        """The issuers' certificates, DER, the root first."""
        count = lib.trb_attestation_count_cabundle(self._c)
        return tuple(octets(lib.trb_attestation_get_cabundle(self._c, i)) for i in range(count))

    @property
    def public_key(self) -> bytes | None:
        """What the NSM's caller gave as its public key."""
        return optional_octets(lib.trb_attestation_get_public_key(self._c))

    @property
    def user_data(self) -> bytes | None:
        """What the NSM's caller gave as user data: of a build, its encoded claim."""
        return optional_octets(lib.trb_attestation_get_user_data(self._c))

    @property
    def nonce(self) -> bytes | None:
        """What the NSM's caller gave as nonce."""
        return optional_octets(lib.trb_attestation_get_nonce(self._c))

    def __bytes__(self) -> bytes:
        return self.document

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.document,)


@dataclass(frozen=True)
class VerifiedDocument:
    """A document that passed, what stands behind it, and every check."""

    attestation: Attestation
    assurance: Assurance
    report: DocumentReport


class DocumentVerifier(Handle):
    """Judges bare documents, without any claim.  Once made, any number of threads may call check()
    at once.

    ``roots`` are certificates, DER or PEM, paths or content, in place of the root of AWS Nitro
    Enclaves; ``time`` is an aware datetime, or seconds since 1970, each document's own where it is
    left out.  ``allow_debug`` lets documents of debug enclaves pass, whose PCR0, 1 and 2 say
    nothing.

    The other arguments are demands.  ``max_age`` (seconds, or a timedelta) is how old a document
    may be at ``time``, or where that is left out, when the verifier is made, so do not keep one for
    long; ``pcrs`` are values by index, as bytes; ``nonce``, ``user_data`` and ``public_key`` have
    to be exactly these.
    """

    def __init__(self, *, roots: Content | Iterable[Content] = (), time: When | None = None,
                 allow_debug: bool = False, max_age: float | timedelta | None = None,
                 pcrs: Mapping[int, Buffer] | None = None, nonce: Buffer | None = None,
                 user_data: Buffer | None = None, public_key: Buffer | None = None) -> None:
        slot = ffi.new('trb_document_verifier **')
        call(lib.trb_document_verifier_new, slot)
        super().__init__(slot[0], lib.trb_document_verifier_unref)
        for root in one_or_many(roots):
            with Bytes(read(root, _CERTIFICATE_MAX)) as view:
                call(lib.trb_document_verifier_add_root, self._c, view)
        if time is not None:
            lib.trb_document_verifier_set_time(self._c, seconds(time, 'time'))
        lib.trb_document_verifier_set_allow_debug(self._c, allow_debug)
        if max_age is not None:
            call(lib.trb_document_verifier_demand_age, self._c, seconds(time, 'time'),
                 whole_seconds(max_age, 'max_age'))
        for index, value in (pcrs or {}).items():
            with Bytes(value) as view:
                call(lib.trb_document_verifier_demand_pcr, self._c, index, view)
        self._demand(lib.trb_document_verifier_demand_nonce, nonce)
        self._demand(lib.trb_document_verifier_demand_user_data, user_data)
        self._demand(lib.trb_document_verifier_demand_public_key, public_key)

    def _demand(self, function: Any, value: Buffer | None) -> None:
        if value is not None:
            with Bytes(value) as view:
                call(function, self._c, view)

    def check(self, document: Content) -> VerifiedDocument:
        """Judges one document; raises Refused with the check and the report."""
        attestation, assurance = ffi.new('trb_attestation **'), ffi.new('int *')
        blob = ffi.new('trb_blob **')
        with Bytes(read(document, _DOCUMENT_MAX)) as view:
            code, error = attempt(lib.trb_document_verifier_check, self._c, view, attestation,
                                  assurance, blob)
        report = DocumentReport(take_blob(blob[0])) if blob[0] != ffi.NULL else None
        if code < 0:
            raise make_error(error, code, report)
        assert report is not None
        return VerifiedDocument(Attestation._adopt(attestation[0]), Assurance(assurance[0]), report)


def verify_document(document: Content, *, roots: Content | Iterable[Content] = (),
                    time: When | None = None, allow_debug: bool = False,
                    max_age: float | timedelta | None = None,
                    pcrs: Mapping[int, Buffer] | None = None, nonce: Buffer | None = None,
                    user_data: Buffer | None = None,
                    public_key: Buffer | None = None) -> VerifiedDocument:
    """Judges one document; raises Refused with ``.check`` and ``.report``.

    The arguments are those of DocumentVerifier, which is what to make for many.
    """
    with DocumentVerifier(roots=roots, time=time, allow_debug=allow_debug, max_age=max_age,
                          pcrs=pcrs, nonce=nonce, user_data=user_data,
                          public_key=public_key) as verifier:
        return verifier.check(document)
