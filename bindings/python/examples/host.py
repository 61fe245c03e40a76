#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A host: has a commit built in a simulated enclave, publishes the evidence, and leaves the
artifacts, their bundle and policy.json in a folder.

    host.py https://forge.example/app main --image builder.eif --out out
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys

import trustbuild
from trustbuild import EventType, errors


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('repository', help='an https URL')
    parser.add_argument('name', help='a branch, a tag, or a commit')
    parser.add_argument('--image', required=True, type=pathlib.Path, help='the enclave image')
    parser.add_argument('--out', required=True, type=pathlib.Path, help='where everything goes')
    parser.add_argument('--log', default='local', help='where the evidence is published')
    parser.add_argument('--ca', type=pathlib.Path, help='certificate authorities of the server')
    parser.add_argument('--allow-private', action='append', default=[], metavar='HOST',
                        help='a host with a private address that the enclave may reach')
    return parser.parse_args()


def tell(event: trustbuild.Event) -> None:
    """One event, for a person."""
    words = trustbuild.escape(event.text)
    if event.type in (EventType.STATE, EventType.STEP):
        print(f'{event.state} {words}'.rstrip())
    elif event.type is EventType.ARTIFACT:
        print(f'  {words}: {event.size} bytes')
    elif event.type is EventType.OUTPUT:
        for line in event.text.splitlines():
            print(f'  | {trustbuild.escape(line)}')


def build(options: argparse.Namespace) -> None:
    with trustbuild.Session.process(options.image,
                                    allow_private=options.allow_private) as session, \
            open_log(options.log) as log, \
            trustbuild.Job(session, options.out, options.repository, options.name,
                           ca_file=options.ca, log=log, replace=True) as job:
        for event in job:
            tell(event)
        assert job.request is not None  # it was resolved
        policy = trustbuild.draft_policy(options.image, repositories=job.request.repository,
                                         refs=job.request.ref or 'any', logs=log,
                                         roots=trustbuild.simulated_root())
        made = [options.out / file.path for file in job.files if file.attested]
        bundle = options.out / str(job.bundle_path)
    for path in made:
        print(f'{path}: verify it with --bundle {bundle}')
    (options.out / 'policy.json').write_text(json.dumps(policy, indent=2) + '\n', encoding='utf-8')


def open_log(backend: str) -> trustbuild.Log:
    try:
        return trustbuild.Log(backend)
    except errors.NotFoundError:
        return trustbuild.Log.create(backend)


def main() -> int:
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        build(options)
    except trustbuild.Error as why:
        print(trustbuild.escape(str(why)), file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
