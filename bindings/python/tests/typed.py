# SPDX-License-Identifier: Apache-2.0
"""What mypy --strict must accept of a user's program, and infer."""

import asyncio
from pathlib import Path

from typing_extensions import assert_type

import trustbuild


def judge(artifact: Path) -> str:
    claims = trustbuild.verify(artifact, bundle=Path('b'), policy=b'{}', nonce=bytearray(16))
    assert_type(claims, trustbuild.Claims)
    assert_type(claims.ref, 'str | None')
    assert_type(claims.pcrs, 'dict[int, bytes]')
    return claims.commit


def check(error: trustbuild.Error) -> 'str | None':
    assert_type(error.cause, 'trustbuild.Error | None')
    return error.check


async def follow(session: trustbuild.Session, request: trustbuild.Request) -> None:
    async with session:
        session.start(request)
        async for event in session.stream():
            assert_type(event, trustbuild.Event)
            await asyncio.sleep(0)
