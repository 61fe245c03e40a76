#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A verifier: says what artifacts were built from, or why it refuses them.

    verifier.py policy.json out/app out/tool      each with its bundle beside it
"""

from __future__ import annotations

import sys

import trustbuild


def main() -> int:
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    policy, *artifacts = sys.argv[1:]
    pairs = [(artifact, f'{artifact}.bundle.json') for artifact in artifacts]
    try:
        results = trustbuild.verify_many(pairs, policy=policy)
    except (trustbuild.Error, OSError) as why:
        print(trustbuild.escape(str(why)), file=sys.stderr)
        return 3
    for result in results:
        name = trustbuild.escape(result.artifact)
        try:
            claims = result.get()
        except trustbuild.Refused as why:
            print(f'{name}: REFUSED {why.check}')
        except trustbuild.Error as why:
            print(f'{name}: {trustbuild.escape(str(why))}')
        else:
            print(f'{name}: built from {claims.commit} of {trustbuild.escape(claims.repository)}'
                  + (' by a simulated enclave' if claims.simulated else ''))
    return 0 if all(result.verified for result in results) else 1


if __name__ == '__main__':
    sys.exit(main())
