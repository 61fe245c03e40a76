# SPDX-License-Identifier: Apache-2.0
"""The verifier: evidence and policy in, claims or a refusal out."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, BinaryIO, Union

from ._core import (Buffer, Bytes, Context, Handle, Path, attempt, c_text, call, make_error, octets,
                    optional_octets, some, take_blob, text)
from ._native import ffi, lib
from .errors import InvalidError

# A file that is read: a path, or its content.
Content = Union[Path, Buffer]

# One byte more than the library reads, so that it is the one to refuse.
_BUNDLE_MAX = (1 << 20) + 1
_POLICY_MAX = (256 << 10) + 1
_DOCUMENT_MAX = (16 << 10) + 1
_CERTIFICATE_MAX = (4 << 10) + 1
_PCRS = 32


class Assurance(IntEnum):
    """What stands behind the evidence."""

    SIMULATED = lib.TRB_ASSURANCE_SIMULATED
    HARDWARE = lib.TRB_ASSURANCE_HARDWARE


class Outcome(IntEnum):
    """How a check ended."""

    PASS = lib.TRB_OUTCOME_PASS
    FAIL = lib.TRB_OUTCOME_FAIL
    NOT_RUN = lib.TRB_OUTCOME_NOT_RUN
    NOT_DEMANDED = lib.TRB_OUTCOME_NOT_DEMANDED


def read(source: Content, limit: int) -> Buffer:
    """The content; of a path, the file's first ``limit`` bytes."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return source
    with open(source, 'rb') as file:
        return file.read(limit)


class Bundle(Handle):
    """All evidence for one build.  Immutable; may be shared between threads.

    Its parts are what the bundle says, unverified.
    """

    def __init__(self, data: Buffer) -> None:
        slot = ffi.new('trb_bundle **')
        with Bytes(data) as view:
            code, error = attempt(lib.trb_bundle_parse, view, slot)
        if code < 0:
            raise make_error(error, code, _unreadable(error))
        super().__init__(slot[0], lib.trb_bundle_unref)

    @classmethod
    def load(cls, source: Content) -> Bundle:
        """Reads a bundle from a file, or from bytes."""
        return cls(read(source, _BUNDLE_MAX))

    @classmethod
    def _adopt(cls, pointer: Any) -> Bundle:
        bundle = cls.__new__(cls)
        Handle.__init__(bundle, pointer, lib.trb_bundle_unref)
        return bundle

    def encode(self) -> bytes:
        """The bundle as JSON."""
        slot = ffi.new('trb_blob **')
        call(lib.trb_bundle_encode, self._c, slot)
        return take_blob(slot[0])

    def describe(self) -> dict[str, Any]:
        """What it says, for people and tools; unverified."""
        slot = ffi.new('trb_blob **')
        call(lib.trb_bundle_describe, self._c, slot)
        described: dict[str, Any] = json.loads(take_blob(slot[0]))
        return described

    @property
    def request(self) -> bytes:
        return octets(lib.trb_bundle_get_request(self._c))

    @property
    def environment(self) -> bytes:
        return octets(lib.trb_bundle_get_environment(self._c))

    @property
    def artifacts(self) -> bytes:
        return octets(lib.trb_bundle_get_artifacts(self._c))

    @property
    def attestation(self) -> bytes:
        return octets(lib.trb_bundle_get_attestation(self._c))

    @property
    def statement(self) -> bytes:
        return octets(lib.trb_bundle_get_statement(self._c))

    @property
    def log_entries(self) -> int:
        """How many log entries it carries."""
        return int(lib.trb_bundle_count_logs(self._c))


class Policy(Handle):
    """What a verifier demands.  Immutable; may be shared between threads."""

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
        return bool(lib.trb_policy_accepts_hardware(self._c))

    @property
    def accepts_simulated(self) -> bool:
        return bool(lib.trb_policy_accepts_simulated(self._c))


@dataclass(frozen=True)
class Check:
    """One check of a report.  ``expected`` and ``actual`` may carry outside text."""

    id: str
    title: str
    rule: str
    outcome: Outcome
    expected: str | None
    actual: str | None


class Report(Handle):
    """Every check with its outcome, in order.  Immutable; may be shared between threads."""

    def __init__(self, pointer: Any) -> None:
        super().__init__(pointer, lib.trb_report_unref)

    @property
    def verdict(self) -> int:
        """0, or the code of the check that failed."""
        return int(lib.trb_report_get_verdict(self._c))

    @property
    def refused(self) -> str | None:
        """The id of the check that failed."""
        return text(lib.trb_report_get_refused(self._c))

    @property
    def assurance(self) -> Assurance | None:
        """None as long as the document's chain was not found good."""
        value = lib.trb_report_get_assurance(self._c)
        return Assurance(value) if value else None

    @property
    def checks(self) -> Sequence[Check]:
        report = self._c
        return tuple(
            Check(id=some(lib.trb_report_get_check(report, i)),
                  title=some(lib.trb_report_get_title(report, i)),
                  rule=some(lib.trb_report_get_rule(report, i)),
                  outcome=Outcome(lib.trb_report_get_outcome(report, i)),
                  expected=text(lib.trb_report_get_expected(report, i)),
                  actual=text(lib.trb_report_get_actual(report, i)))
            for i in range(lib.trb_report_count_checks(report)))

    def _render(self, function: Any) -> str:
        slot = ffi.new('trb_blob **')
        call(function, self._c, slot)
        return take_blob(slot[0]).decode()

    def to_json(self) -> str:
        return self._render(lib.trb_report_to_json)

    def to_text(self) -> str:
        """A tree of at most 100 columns; outside text is escaped."""
        return self._render(lib.trb_report_to_text)

    def to_html(self) -> str:
        """One self-contained page; outside text is escaped."""
        return self._render(lib.trb_report_to_html)

    def __str__(self) -> str:
        return self.to_text()


class DocumentReport:
    """Every check of a bare document with its outcome."""

    def __init__(self, encoded: bytes) -> None:
        self._json = encoded.decode()
        self._read: dict[str, Any] = json.loads(encoded)

    @property
    def refused(self) -> str | None:
        """The id of the check that failed."""
        refused: str | None = self._read.get('refused')
        return refused

    def to_json(self) -> str:
        return self._json

    def __str__(self) -> str:
        return self._json


AnyReport = Union[Report, DocumentReport]


def _unreadable(error: Any) -> Report | None:
    """The report of a bundle that is none."""
    if error == ffi.NULL or lib.trb_error_check(error) == ffi.NULL:
        return None
    slot = ffi.new('trb_report **')
    call(lib.trb_report_new_unreadable, error, slot)
    return Report(slot[0])


@dataclass(frozen=True)
class Claims:
    """The facts of a build; only a successful verification makes them.

    Names and URLs are what an outsider chose: escape them before showing them.
    """

    assurance: Assurance
    artifact: str
    artifact_size: int
    artifact_digest: bytes
    repository: str
    ref: str | None
    commit: str
    source_digest: bytes
    recipe_digest: bytes
    recipe_from_tree: bool
    runtime: str
    pcrs: dict[int, bytes]
    measurement: str
    time: int
    witnessed_time: int | None
    log: str | None
    log_index: int | None
    report: Report = field(repr=False, compare=False)

    @property
    def simulated(self) -> bool:
        """Whether no hardware stands behind the evidence."""
        return self.assurance is not Assurance.HARDWARE


def _pcrs(getter: Any, of: Any) -> dict[int, bytes]:
    found = ((i, octets(getter(of, i))) for i in range(_PCRS))
    return {i: value for i, value in found if value}


def _claims(claims: Any, report: Report) -> Claims:
    log = text(lib.trb_claims_get_log(claims))
    return Claims(
        assurance=Assurance(lib.trb_claims_get_assurance(claims)),
        artifact=some(lib.trb_claims_get_artifact(claims)),
        artifact_size=int(lib.trb_claims_get_artifact_size(claims)),
        artifact_digest=octets(lib.trb_claims_get_artifact_digest(claims)),
        repository=some(lib.trb_claims_get_repository(claims)),
        ref=text(lib.trb_claims_get_ref(claims)),
        commit=some(lib.trb_claims_get_commit(claims)),
        source_digest=octets(lib.trb_claims_get_source_digest(claims)),
        recipe_digest=octets(lib.trb_claims_get_recipe_digest(claims)),
        recipe_from_tree=bool(lib.trb_claims_is_recipe_from_tree(claims)),
        runtime=some(lib.trb_claims_get_runtime(claims)),
        pcrs=_pcrs(lib.trb_claims_get_pcr, claims),
        measurement=some(lib.trb_claims_get_measurement(claims)),
        time=int(lib.trb_claims_get_time(claims)),
        witnessed_time=int(lib.trb_claims_get_witnessed_time(claims)) or None,
        log=log,
        log_index=None if log is None else int(lib.trb_claims_get_log_index(claims)),
        report=report)


class Verifier(Handle):
    """A policy with a clock and narrowing demands.  Once made, any number of threads may call
    check() at once.

    ``now`` is the time in seconds since 1970, the system's where it is left out; archival policies
    never look at it.
    """

    def __init__(self, policy: Policy | Content, *, now: int | None = None,
                 repository: str | None = None, commit: str | None = None,
                 nonce: Buffer | None = None, entry: str | None = None,
                 context: Context | None = None) -> None:
        held = policy if isinstance(policy, Policy) else Policy.load(policy)
        slot = ffi.new('trb_verifier **')
        self._context = context
        self._entry = entry
        call(lib.trb_verifier_new, ffi.NULL if context is None else context._c, held._c, slot)
        super().__init__(slot[0], lib.trb_verifier_unref)
        call(lib.trb_verifier_set_now, self._c, int(time.time()) if now is None else now)
        if repository is not None:
            call(lib.trb_verifier_set_repository, self._c, c_text(repository))
        if commit is not None:
            call(lib.trb_verifier_set_commit, self._c, c_text(commit))
        if entry is not None:
            call(lib.trb_verifier_set_entry, self._c, c_text(entry))
        if nonce is not None:
            with Bytes(nonce) as view:
                call(lib.trb_verifier_set_nonce, self._c, view)

    def check(self, artifact: Content | BinaryIO, bundle: Bundle | Content, *,
              name: str | None = None) -> Claims:
        """Judges whether ``artifact`` is one that ``bundle`` attests, as the policy wants it.

        An artifact is a path, a file object over a real file (read from its beginning, its
        position stays), or the content itself, which needs ``name`` unless the verifier was made
        for an ``entry``.  Raises Refused with the report, or another Error where nothing was
        decided; OSError where the file cannot be opened.
        """
        held = bundle if isinstance(bundle, Bundle) else Bundle.load(bundle)
        if isinstance(artifact, (bytes, bytearray, memoryview)):
            return self.check_digest(hashlib.sha256(artifact).digest(), held, name=name)
        if hasattr(artifact, 'fileno'):
            return self._check_fd(held, artifact.fileno(), name or _file_name(artifact))
        fd = _open_regular(artifact)
        try:
            return self._check_fd(held, fd, name or os.fsdecode(artifact))
        finally:
            os.close(fd)

    def check_digest(self, sha256: Buffer, bundle: Bundle, *, name: str | None = None) -> Claims:
        """The same for an artifact that the caller hashed."""
        self._need(name)
        with Bytes(sha256) as view:
            return self._judge(lib.trb_verifier_check_digest, self._c, bundle._c, view,
                               c_text(name))

    def _need(self, name: str | None) -> None:
        if name is None and self._entry is None:
            raise InvalidError('name= or entry= is needed: the content alone has no name')

    def _check_fd(self, bundle: Bundle, fd: int, name: str | None) -> Claims:
        self._need(name)
        return self._judge(lib.trb_verifier_check_fd, self._c, bundle._c, fd, c_text(name))

    @staticmethod
    def _judge(function: Any, *args: Any) -> Claims:
        claims, report = ffi.new('trb_claims **'), ffi.new('trb_report **')
        code, error = attempt(function, *args, claims, report)
        held = Report(report[0]) if report[0] != ffi.NULL else None
        if code < 0:
            raise make_error(error, code, held)
        owned = ffi.gc(claims[0], lib.trb_claims_unref)
        assert held is not None
        return _claims(owned, held)


def _file_name(file: Any) -> str | None:
    name = getattr(file, 'name', None)
    return os.fsdecode(name) if isinstance(name, (str, bytes)) else None


def _open_regular(path: Path) -> int:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise InvalidError('the artifact is not a regular file')
    return fd


def verify(artifact: Content | BinaryIO, *, bundle: Bundle | Content, policy: Policy | Content,
           name: str | None = None, entry: str | None = None, repository: str | None = None,
           commit: str | None = None, nonce: Buffer | None = None,
           now: int | None = None) -> Claims:
    """Verifies one artifact; raises Refused where it is none that the policy wants.

    Paths are str or os.PathLike; bytes are always content.  For many artifacts make one Verifier.
    """
    with Verifier(policy, now=now, repository=repository, commit=commit, nonce=nonce,
                  entry=entry) as verifier:
        return verifier.check(artifact, bundle, name=name)


class Attestation(Handle):
    """A document of the AWS Nitro Security Module: parsed, NOT verified.  Immutable."""

    def __init__(self, document: Buffer) -> None:
        slot = ffi.new('trb_attestation **')
        with Bytes(document) as view:
            call(lib.trb_attestation_parse, view, slot)
        super().__init__(slot[0], lib.trb_attestation_unref)

    @classmethod
    def load(cls, source: Content) -> Attestation:
        """Reads a document from a file, or from bytes."""
        return cls(read(source, _DOCUMENT_MAX))

    @classmethod
    def _adopt(cls, pointer: Any) -> Attestation:
        attestation = cls.__new__(cls)
        Handle.__init__(attestation, pointer, lib.trb_attestation_unref)
        return attestation

    @property
    def document(self) -> bytes:
        return octets(lib.trb_attestation_get_document(self._c))

    @property
    def module_id(self) -> str:
        return octets(lib.trb_attestation_get_module_id(self._c)).decode('utf-8', 'surrogateescape')

    @property
    def timestamp_ms(self) -> int:
        return int(lib.trb_attestation_get_timestamp_ms(self._c))

    @property
    def debug(self) -> bool:
        """Whether PCR0, 1 and 2 are zero, so that the enclave's code is not attested."""
        return bool(lib.trb_attestation_is_debug(self._c))

    @property
    def pcrs(self) -> dict[int, bytes]:
        """The locked PCRs."""
        return _pcrs(lib.trb_attestation_get_pcr, self._c)

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
        return optional_octets(lib.trb_attestation_get_public_key(self._c))

    @property
    def user_data(self) -> bytes | None:
        return optional_octets(lib.trb_attestation_get_user_data(self._c))

    @property
    def nonce(self) -> bytes | None:
        return optional_octets(lib.trb_attestation_get_nonce(self._c))


@dataclass(frozen=True)
class VerifiedDocument:
    """A document that passed, what stands behind it, and every check."""

    attestation: Attestation
    assurance: Assurance
    report: DocumentReport


class DocumentVerifier(Handle):
    """Judges bare documents, without any claim.  Once made, any number of threads may call check()
    at once.

    ``roots`` are certificates, DER or PEM, in place of the root of AWS Nitro Enclaves; ``time`` is
    in seconds since 1970, each document's own where it is left out.
    """

    def __init__(self, *, roots: Sequence[Content] = (), time: int | None = None,
                 allow_debug: bool = False) -> None:
        slot = ffi.new('trb_document_verifier **')
        call(lib.trb_document_verifier_new, slot)
        super().__init__(slot[0], lib.trb_document_verifier_unref)
        for root in roots:
            with Bytes(read(root, _CERTIFICATE_MAX)) as view:
                call(lib.trb_document_verifier_add_root, self._c, view)
        if time is not None:
            lib.trb_document_verifier_set_time(self._c, time)
        lib.trb_document_verifier_set_allow_debug(self._c, allow_debug)

    def check(self, document: Content) -> VerifiedDocument:
        """Judges one document; raises EvidenceRefused with the check and the report."""
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


def verify_document(document: Content, *, roots: Sequence[Content] = (), time: int | None = None,
                    allow_debug: bool = False) -> VerifiedDocument:
    """Judges one document; for many make one DocumentVerifier."""
    with DocumentVerifier(roots=roots, time=time, allow_debug=allow_debug) as verifier:
        return verifier.check(document)
