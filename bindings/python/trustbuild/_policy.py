# SPDX-License-Identifier: Apache-2.0
"""A first policy, for a person to review."""

from __future__ import annotations

import hashlib
import json
import os
import ssl
from collections.abc import Iterable
from typing import Any, Union

from ._bundle import Policy
from ._core import Buffer, Content, Path, one_or_many, read
from ._image import Eif
from ._log import Log
from .errors import InvalidError

AWS_NITRO = 'aws-nitro'
# Published by AWS with the root certificate's file.
_AWS_ROOT_SHA256 = '641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b'
_CERTIFICATE_MAX = 64 << 10
_PEM = b'-----BEGIN CERTIFICATE-----'
_MEASURED = (0, 1, 2, 8)

AnyLog = Union[str, Log]


def _root(source: Content) -> Any:
    if source == AWS_NITRO:
        return AWS_NITRO
    data = bytes(read(source, _CERTIFICATE_MAX))
    if _PEM in data:
        data = ssl.PEM_cert_to_DER_cert(data[data.index(_PEM):].decode('ascii'))
    digest = hashlib.sha256(data).hexdigest()
    return AWS_NITRO if digest == _AWS_ROOT_SHA256 else {'simulated': digest}


def _any_or(values: str | Iterable[str]) -> Any:
    several = one_or_many(values)
    return 'any' if several == ('any',) else list(several)


def _measurement(image: Eif | Path, name: str | None) -> dict[str, Any]:
    if not isinstance(image, Eif):
        name = name or os.path.basename(os.fsdecode(image))
        with Eif(image) as opened:
            return _measurement(opened, name)
    if name is None:
        raise InvalidError('name= is needed: an open image has no name')
    measured = {i: value for i, value in image.pcrs.items() if any(value)}
    if not measured.keys() >= {0, 1, 2}:
        raise InvalidError('the image has no PCR0, PCR1 and PCR2 that measure something')
    return {'name': name, 'pcrs': {str(i): measured[i].hex() for i in _MEASURED if i in measured}}


def _log(logs: AnyLog | Iterable[AnyLog], witnesses: tuple[str, ...],
         quorum: int | None) -> dict[str, Any] | str:
    if logs == 'none':
        if witnesses:
            raise InvalidError('witnesses= without a log')
        return 'none'
    several = (logs,) if isinstance(logs, (str, Log)) else tuple(logs)
    keys = [log.vkey if isinstance(log, Log) else log for log in several]
    if not witnesses:
        return {'keys': keys, 'witnesses': 'none'}
    return {'keys': keys, 'witnesses': {
        'keys': list(witnesses), 'quorum': len(witnesses) if quorum is None else quorum}}


def draft_policy(image: Eif | Path, *, repositories: str | Iterable[str],
                 refs: str | Iterable[str], logs: AnyLog | Iterable[AnyLog],
                 commits: str | Iterable[str] = 'any', name: str | None = None,
                 roots: Path | Buffer | Iterable[Content] = AWS_NITRO,
                 runtimes: str | Iterable[str] = 'runsc', witnesses: str | Iterable[str] = (),
                 quorum: int | None = None) -> dict[str, Any]:
    """A first policy, as ``tb-host policy init`` writes it: the JSON of a policy that accepts what
    this image builds.  Review it: nearly every line is a decision whom you trust.

    ``repositories``, ``refs`` and ``commits`` are what is accepted, or ``'any'``.  ``logs`` are Log
    objects or their verifier keys, or ``'none'``.  ``roots`` is ``'aws-nitro'`` or certificates of
    simulated roots, for example what ``simulated_root()`` gives.  ``name`` is what the measurement
    is called, by default the image's file name.  With ``witnesses`` (verifier keys) ``quorum`` of
    them, by default all, must have seen the log.

    >>> policy = draft_policy('builder.eif', repositories='https://forge.example/app',
    ...                       refs='refs/heads/main', logs=log)    # doctest: +SKIP
    >>> json.dump(policy, file, indent=2)                          # doctest: +SKIP
    """
    watching = one_or_many(witnesses)
    if quorum is not None and not watching:
        raise InvalidError('quorum= without witnesses')
    certificates = one_or_many(roots)
    draft: dict[str, Any] = {
        'policy': 1,
        'measurements': [_measurement(image, name)],
        'roots': [_root(certificate) for certificate in certificates],
        'source': {'repositories': _any_or(repositories), 'refs': _any_or(refs),
                   'commits': _any_or(commits)},
        'recipe': 'source',
        'sandbox': {'runtimes': list(one_or_many(runtimes)), 'network': 'none'},
        'time': ({'mode': 'archival', 'bound': 'witness', 'slack_s': 3600} if watching
                 else {'mode': 'archival', 'bound': 'none'}),
        'log': _log(logs, watching, quorum),
    }
    Policy(json.dumps(draft).encode()).close()
    return draft
