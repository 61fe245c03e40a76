# SPDX-License-Identifier: Apache-2.0
"""The verifier: evidence and policy in, claims or a refusal out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from ._bundle import Bundle, Policy
from ._core import (Buffer, Bytes, Content, Handle, Path, When, attempt, buffer_of, c_path,
                    c_text, call, file_of, make_error, octets, pcrs, seconds, some, text)
from ._native import ffi, lib
from ._report import Assurance, Report
from .errors import Error, InvalidError


@dataclass(frozen=True)
class Claims:
    """The facts of a build; only a successful verification makes them.

    Names and URLs are what an outsider chose: escape() them before showing them.

    =================  ===========================================================================
    assurance          SIMULATED or HARDWARE
    artifact           attested name, relative to the tree
    artifact_size      bytes
    artifact_digest    SHA-256
    repository, ref    where the source came from; ref is None where none was demanded
    location           where its server redirected the repository to, on its own origin, or None
    commit             CT in hexadecimal digits
    ref_tip, ref_tag   the commit that the ref pointed to, and the annotated tag between them
    relation, steps    how CT stands to that tip: ``'tip'``, ``'first-parent'`` or ``'reachable'``,
                       and how many steps behind; all four are None where no ref was demanded
    source_digest      the git tree's object id, computed with SHA-256
    recipe_digest      SHA-256
    recipe_from_tree   whether the recipe came from the tree
    runtime            the sandbox's runtime, for example ``'runsc'``
    cpus, memory_mib   the machine that the build saw, which the host chose
    cpu_model          the CPU's model, or ``'unknown'``
    materials          how many there were besides the source (submodules)
    materials_digest   SHA-256 of their list; None where there are none
    pcrs               the document's PCRs by index, 48 bytes each
    measurement        the policy's name for the measurement that matched
    time               the document's own time, seconds since 1970
    witnessed_time     the witnesses' time; None where no quorum of witnesses was demanded
    log, log_index     origin and index of the entry checked; None where no log was demanded
    report             every check
    =================  ===========================================================================
    """

    assurance: Assurance
    artifact: str
    artifact_size: int
    artifact_digest: bytes
    repository: str
    ref: str | None
    location: str | None
    commit: str
    ref_tip: str | None
    ref_tag: str | None
    relation: str | None
    steps: int | None
    source_digest: bytes
    recipe_digest: bytes
    recipe_from_tree: bool
    runtime: str
    cpus: int
    memory_mib: int
    cpu_model: str
    materials: int
    materials_digest: bytes | None
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


def _claims(claims: Any, report: Report) -> Claims:
    log = text(lib.trb_claims_get_log(claims))
    relation = text(lib.trb_claims_get_relation(claims))
    return Claims(
        assurance=Assurance(lib.trb_claims_get_assurance(claims)),
        artifact=some(lib.trb_claims_get_artifact(claims)),
        artifact_size=int(lib.trb_claims_get_artifact_size(claims)),
        artifact_digest=octets(lib.trb_claims_get_artifact_digest(claims)),
        repository=some(lib.trb_claims_get_repository(claims)),
        ref=text(lib.trb_claims_get_ref(claims)),
        location=text(lib.trb_claims_get_location(claims)),
        commit=some(lib.trb_claims_get_commit(claims)),
        ref_tip=text(lib.trb_claims_get_ref_tip(claims)),
        ref_tag=text(lib.trb_claims_get_ref_tag(claims)),
        relation=relation,
        steps=None if relation is None else int(lib.trb_claims_get_steps(claims)),
        source_digest=octets(lib.trb_claims_get_source_digest(claims)),
        recipe_digest=octets(lib.trb_claims_get_recipe_digest(claims)),
        recipe_from_tree=bool(lib.trb_claims_is_recipe_from_tree(claims)),
        runtime=some(lib.trb_claims_get_runtime(claims)),
        cpus=int(lib.trb_claims_get_cpus(claims)),
        memory_mib=int(lib.trb_claims_get_memory_mib(claims)),
        cpu_model=some(lib.trb_claims_get_cpu_model(claims)),
        materials=int(lib.trb_claims_count_materials(claims)),
        materials_digest=octets(lib.trb_claims_get_materials_digest(claims)) or None,
        pcrs=pcrs(lib.trb_claims_get_pcr, claims),
        measurement=some(lib.trb_claims_get_measurement(claims)),
        time=int(lib.trb_claims_get_time(claims)),
        witnessed_time=int(lib.trb_claims_get_witnessed_time(claims)) or None,
        log=log,
        log_index=None if log is None else int(lib.trb_claims_get_log_index(claims)),
        report=report)


class Verifier(Handle):
    """A policy with a clock and narrowing demands.  Once made, any number of threads may call
    check() at once.

    ``now`` is an aware datetime, or seconds since 1970; where it is left out, the system's time
    when the verifier is made, so do not keep one for days under a policy whose time is "live".
    Archival policies never look at it.  ``repository``, ``commit`` and ``nonce`` are demands beside
    the policy's; ``entry`` is the attested name that the artifact has to be, whatever its file is
    called.
    """

    def __init__(self, policy: Policy | Content, *, now: When | None = None,
                 repository: str | None = None, commit: str | None = None,
                 nonce: Buffer | None = None, entry: str | None = None) -> None:
        held = policy if isinstance(policy, Policy) else Policy.load(policy)
        slot = ffi.new('trb_verifier **')
        self._entry = entry
        call(lib.trb_verifier_new, ffi.NULL, held._c, slot)
        super().__init__(slot[0], lib.trb_verifier_unref)
        call(lib.trb_verifier_set_now, self._c, seconds(now, 'now'))
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
        position stays), or the content itself (bytes, an io.BytesIO, an mmap, any other buffer),
        which needs ``name`` unless the verifier was made for an ``entry``.  Raises Refused with the
        report, or another Error where nothing was decided; OSError where the file cannot be opened.
        """
        held = bundle if isinstance(bundle, Bundle) else Bundle.load(bundle)
        content = buffer_of(artifact)
        if content is not None:
            return self.check_digest(hashlib.sha256(content).digest(), held, name=name)
        with file_of(artifact) as fd:
            return self._check_fd(held, fd, name or _file_name(artifact))

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
    if not hasattr(file, 'fileno'):
        return os.fsdecode(file)
    name = getattr(file, 'name', None)
    return os.fsdecode(name) if isinstance(name, (str, bytes)) else None


def verify(artifact: Content | BinaryIO, *, bundle: Bundle | Content, policy: Policy | Content,
           name: str | None = None, entry: str | None = None, repository: str | None = None,
           commit: str | None = None, nonce: Buffer | None = None,
           now: When | None = None) -> Claims:
    """Verifies one artifact; raises Refused, with ``.check`` and ``.report``, where it is none that
    the policy wants, and another Error where nothing could be decided.

    Paths are str or os.PathLike; bytes and other buffers are always content; an artifact may be an
    open file.  ``name`` is the artifact's file name where it has none of its own, and
    ``entry`` the attested name that it has to be.  The other arguments are those of Verifier, which
    is what to make for many; Batch and verify_many() use all processors.
    """
    with Verifier(policy, now=now, repository=repository, commit=commit, nonce=nonce,
                  entry=entry) as verifier:
        return verifier.check(artifact, bundle, name=name)


@dataclass(frozen=True)
class BatchResult:
    """What became of one artifact: ``claims`` where it is verified, else ``error``."""

    artifact: str
    bundle: str
    claims: Claims | None
    error: Error | None

    @property
    def verified(self) -> bool:
        """Whether it is verified."""
        return self.claims is not None

    def get(self) -> Claims:
        """The claims; raises the error where there are none."""
        if self.claims is None:
            assert self.error is not None
            raise self.error
        return self.claims


class Batch(Handle):
    """Many artifact files with their bundle files, judged on all processors::

        with Batch(verifier) as batch:
            for path in paths:
                batch.add(path, f'{path}.bundle.json')
            for result in batch.run():
                print(result.artifact, result.verified)

    It belongs to one thread at a time.
    """

    def __init__(self, verifier: Verifier) -> None:
        slot = ffi.new('trb_batch **')
        call(lib.trb_batch_new, verifier._c, slot)
        super().__init__(slot[0], lib.trb_batch_unref)

    def add(self, artifact: Path, bundle: Path, *, entry: str | None = None) -> None:
        """Adds one; ``entry`` is its attested name, where the file is called otherwise."""
        call(lib.trb_batch_add, self._c, c_path(artifact), c_path(bundle), c_text(entry))

    def __len__(self) -> int:
        return int(lib.trb_batch_count(self._c))

    def run(self, threads: int = 0) -> Sequence[BatchResult]:
        """Judges all, once, and gives what became of each, in order; 0 threads are one for each
        processor."""
        call(lib.trb_batch_run, self._c, threads)
        return tuple(self._results())

    def _results(self) -> Iterator[BatchResult]:
        for i in range(len(self)):
            code = lib.trb_batch_get_status(self._c, i)
            report = lib.trb_batch_get_report(self._c, i)
            held = None if report == ffi.NULL else Report(lib.trb_report_ref(report))
            claims = lib.trb_batch_get_claims(self._c, i)
            error = None if code == 0 else make_error(lib.trb_batch_get_error(self._c, i), code,
                                                      held)
            assert error is not None or held is not None
            yield BatchResult(
                artifact=os.fsdecode(ffi.string(lib.trb_batch_get_artifact(self._c, i))),
                bundle=os.fsdecode(ffi.string(lib.trb_batch_get_bundle(self._c, i))),
                claims=_claims(claims, held) if held is not None and code == 0 else None,
                error=error)


def verify_many(pairs: Iterable[tuple[Path, Path]], *, policy: Policy | Content,
                now: When | None = None, threads: int = 0) -> Sequence[BatchResult]:
    """Verifies many artifact files, each with its bundle file, under one policy on all processors.

    Gives what became of each, in order, and raises only where nothing could begin.
    """
    with Verifier(policy, now=now) as verifier, Batch(verifier) as batch:
        for artifact, bundle in pairs:
            batch.add(artifact, bundle)
        return batch.run(threads)
