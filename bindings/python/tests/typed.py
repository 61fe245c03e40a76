# SPDX-License-Identifier: Apache-2.0
"""What mypy --strict must accept of a user's program, and infer."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Optional

from typing_extensions import assert_type

import trustbuild
from trustbuild import enclave, errors


def judge(artifact: Path) -> str:
    claims = trustbuild.verify(artifact, bundle=Path('b'), policy=b'{}', nonce=bytearray(16),
                               now=datetime.now(timezone.utc))
    assert_type(claims, trustbuild.Claims)
    assert_type(claims.ref, Optional[str])
    assert_type(claims.pcrs, Dict[int, bytes])
    assert_type(claims.report.checks, Sequence[trustbuild.Check])
    with open(artifact, 'rb') as file:
        trustbuild.verify(file, bundle='b', policy=trustbuild.Policy.load('p'))
    return claims.commit


def judge_many(artifacts: 'list[Path]') -> 'list[str]':
    results = trustbuild.verify_many(((a, f'{a}.bundle.json') for a in artifacts), policy='p')
    assert_type(results[0].claims, Optional[trustbuild.Claims])
    return [result.get().commit for result in results if result.verified]


def check(error: trustbuild.Error) -> Optional[str]:
    assert_type(error.cause, Optional[trustbuild.Error])
    if isinstance(error.report, trustbuild.Report):
        assert_type(error.report.assurance, Optional[trustbuild.Assurance])
    return error.check


def build(name: str) -> trustbuild.Bundle:
    context = trustbuild.Context(log=logging.getLogger(__name__), state_dir=Path('/state'))
    request = trustbuild.Request.resolve('https://forge.example/app', name, context=context)
    with trustbuild.Session.process(Path('e'), context, output='o', allow_private='h') as session:
        assert_type(session, trustbuild.Session)
        for event in session.run(request):
            assert_type(event, trustbuild.Event)
            assert_type(event.bundle, Optional[trustbuild.Bundle])
        bundle = session.build(request)
    with trustbuild.Log('local:dir=/l', context) as log:
        policy = trustbuild.draft_policy('e', repositories=request.repository, refs='any', logs=log,
                                         roots=trustbuild.simulated_root(context))
        assert_type(policy, Dict[str, Any])
        assert_type(log[0], bytes)
        return log.publish(bundle)


async def follow(session: trustbuild.Session, request: trustbuild.Request) -> trustbuild.Bundle:
    async with session:
        async for event in session.stream(request):
            assert_type(event, trustbuild.Event)
            await asyncio.sleep(0)
        return await session.build_async(request)


def image() -> Dict[int, bytes]:
    builder = trustbuild.ImageBuilder(out='e', packages=['gcc'], extra_ca=Path('ca.pem'))
    with builder.build() as made:
        assert_type(made.sections, Sequence[trustbuild.Section])
        return made.pcrs


def inside(request: trustbuild.Request) -> Optional[bytes]:
    def said(stream: enclave.OutputStream, chunk: bytes) -> None:
        print(stream.name, chunk)

    with enclave.Source(request, Path('/work'), limits={'wall_s': 60}) as source:
        source.start()
        try:
            source.wait(1.5)
        except errors.TimedOutError as why:
            assert_type(why, errors.TimedOutError)
        with enclave.SandboxBuild(b'{}', '/rootfs.erofs', '/b', output=said) as sandboxed:
            return sandboxed.files[0].read()
