# SPDX-License-Identifier: Apache-2.0
"""A first policy, for a person to review."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Union

from ._bundle import Bundle
from ._core import (Buffer, Bytes, Content, Handle, Path, When, blob_of, c_text, call, one_or_many,
                    read, seconds, whole_seconds)
from ._image import Eif
from ._log import Log
from ._native import ffi, lib
from .errors import InvalidError

AWS_NITRO = 'aws-nitro'
# One byte more than the library reads, so that it is the one to refuse.
_CERTIFICATE_MAX = (64 << 10) + 1
_DESCRIPTION_MAX = (128 << 10) + 1

AnyLog = Union[str, Log]
Texts = Union[str, Iterable[str]]


def _keys(logs: AnyLog | Iterable[AnyLog]) -> tuple[str, ...]:
    several = (logs,) if isinstance(logs, (str, Log)) else tuple(logs)
    return tuple(log.vkey if isinstance(log, Log) else log for log in several)


class PolicyDraft(Handle):
    """A policy in the making, for a person to review: nearly every line is a decision whom you
    trust::

        with PolicyDraft() as draft:
            draft.measure('builder.eif')
            draft.trust('aws-nitro')
            draft.accept(repositories='https://forge.example/app', refs='refs/heads/main',
                         logs='log.example+1c2d3e4f+ASNFZ4mrze8')
            policy, comments = draft.to_json(), draft.to_comments()

    An empty draft accepts nothing, and is no policy.  It belongs to one thread at a time.
    """

    def __init__(self) -> None:
        slot = ffi.new('trb_draft **')
        call(lib.trb_draft_new, slot)
        super().__init__(slot[0], lib.trb_draft_unref)

    def origin(self, told: str) -> None:
        """Says where everything that is added from now on comes from, for the comments."""
        call(lib.trb_draft_set_origin, self._c, c_text(told))

    def measure(self, image: Eif | Path, name: str | None = None) -> None:
        """Accepts what this image builds.  ``name`` is what the measurement is called, by default
        the image's file name."""
        if not isinstance(image, Eif):
            with Eif(image) as opened:
                self.measure(opened, name or os.path.basename(os.fsdecode(image)))
            return
        if name is None:
            raise InvalidError('name= is needed: an open image has no name')
        for index, value in image.pcrs.items():
            with Bytes(value) as view:
                call(lib.trb_draft_add_pcr, self._c, c_text(name), index, view)

    def describe(self, description: Content, name: str) -> None:
        """The same for what ``nitro-cli describe-eif`` or ``tb-host image describe`` printed of an
        image."""
        with Bytes(read(description, _DESCRIPTION_MAX)) as view:
            call(lib.trb_draft_add_description, self._c, c_text(name), view)

    def trust(self, roots: Content | Iterable[Content]) -> None:
        """Trusts ``'aws-nitro'``, or certificates of simulated roots, DER or PEM, paths or content,
        for example what ``simulated_root()`` gives.  A policy trusts either kind, never both."""
        for root in one_or_many(roots):
            if isinstance(root, str) and root == AWS_NITRO:
                call(lib.trb_draft_add_aws_root, self._c)
                continue
            with Bytes(read(root, _CERTIFICATE_MAX)) as view:
                call(lib.trb_draft_add_root, self._c, view)

    def accept(self, *, repositories: Texts = (), refs: Texts = (), commits: Texts = (),
               history: Texts = (), redirects: Texts = (), recipes: Texts = (),
               runtimes: Texts = (), network: Texts = (), artifacts: Texts = (),
               logs: AnyLog | Iterable[AnyLog] = (), witnesses: Texts = ()) -> None:
        """Accepts these values, or ``'any'``.

        ``history`` is how a commit may stand to its ref: ``'tip'`` (the default),
        ``'first-parent'`` or ``'reachable'``.  ``redirects`` are URLs, ``recipes`` ``'source'`` or
        digests, ``network`` ``host:port``.  ``logs`` are Log objects or their verifier keys, or
        ``'none'``, ``witnesses`` verifier keys."""
        for what, values in (
                (lib.TRB_DRAFT_REPOSITORY, repositories), (lib.TRB_DRAFT_REF, refs),
                (lib.TRB_DRAFT_COMMIT, commits), (lib.TRB_DRAFT_HISTORY, history),
                (lib.TRB_DRAFT_REDIRECT, redirects), (lib.TRB_DRAFT_RECIPE, recipes),
                (lib.TRB_DRAFT_RUNTIME, runtimes), (lib.TRB_DRAFT_NETWORK, network),
                (lib.TRB_DRAFT_ARTIFACT, artifacts), (lib.TRB_DRAFT_LOG_KEY, _keys(logs)),
                (lib.TRB_DRAFT_WITNESS, witnesses)):
            for value in one_or_many(values):
                call(lib.trb_draft_accept, self._c, what, c_text(value))

    def limit(self, *, max_steps: int | None = None, cpus: int | None = None,
              memory_mib: int | None = None, quorum: int | None = None,
              slack: float | timedelta | None = None, not_before: When | None = None,
              max_age: float | timedelta | None = None) -> None:
        """Demands these numbers: ``max_steps`` along first parents; the machine's ``cpus`` and
        ``memory_mib``; a ``quorum`` of the witnesses, by default all; how much earlier than their
        time a document may be (``slack``, by default an hour); ``not_before`` this time, a floor
        against rollback; ``max_age``, which makes the policy a live one."""
        for what, value in (
                (lib.TRB_DRAFT_MAX_STEPS, max_steps), (lib.TRB_DRAFT_CPUS, cpus),
                (lib.TRB_DRAFT_MEMORY_MIB, memory_mib), (lib.TRB_DRAFT_QUORUM, quorum),
                (lib.TRB_DRAFT_SLACK_S, None if slack is None else whole_seconds(slack, 'slack')),
                (lib.TRB_DRAFT_NOT_BEFORE,
                 None if not_before is None else seconds(not_before, 'not_before')),
                (lib.TRB_DRAFT_MAX_AGE_S,
                 None if max_age is None else whole_seconds(max_age, 'max_age'))):
            if value is not None:
                call(lib.trb_draft_set_number, self._c, what, value)

    def propose(self, bundle: Bundle, name: str) -> None:
        """Proposes what a bundle says of itself, its measurement under ``name``.  No verifier loads
        a policy with proposals before a person has moved them."""
        call(lib.trb_draft_propose_bundle, self._c, c_text(name), bundle._c)

    def to_json(self) -> bytes:
        """The policy; raises where the draft is none."""
        return blob_of(lib.trb_draft_to_json, self._c)

    def to_comments(self) -> str:
        """What stands beside it, as Markdown: where each section comes from, and which of them are
        decisions about trust."""
        return blob_of(lib.trb_draft_to_comments, self._c).decode()


def draft_policy(image: Eif | Path, *, repositories: Texts, refs: Texts,
                 logs: AnyLog | Iterable[AnyLog], commits: Texts = (), name: str | None = None,
                 roots: Path | Buffer | Iterable[Content] = AWS_NITRO, history: Texts = (),
                 max_steps: int | None = None, runtimes: Texts = (), witnesses: Texts = (),
                 quorum: int | None = None, not_before: When | None = None) -> dict[str, Any]:
    """A first policy, as ``tb-host policy init`` writes it: the JSON of a policy that accepts what
    this image builds.  Review it: nearly every line is a decision whom you trust.

    The arguments are those of PolicyDraft's methods.

    >>> policy = draft_policy('builder.eif', repositories='https://forge.example/app',
    ...                       refs='refs/heads/main', logs=log)    # doctest: +SKIP
    >>> json.dump(policy, file, indent=2)                          # doctest: +SKIP
    """
    with PolicyDraft() as draft:
        draft.measure(image, name)
        draft.trust(roots)
        draft.accept(repositories=repositories, refs=refs, commits=commits, history=history,
                     runtimes=runtimes, logs=logs, witnesses=witnesses)
        draft.limit(max_steps=max_steps, quorum=quorum, not_before=not_before)
        policy: dict[str, Any] = json.loads(draft.to_json())
        return policy
