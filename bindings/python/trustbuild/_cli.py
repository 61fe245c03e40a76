# SPDX-License-Identifier: Apache-2.0
"""python -m trustbuild verify|inspect, with the exit status of tb-verify."""

from __future__ import annotations

import argparse
import json
import re
import sys
import traceback
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from ._bundle import Bundle, Policy
from ._core import escape, read
from ._documents import Attestation
from ._report import Report
from ._verify import Verifier
from .errors import Error, InvalidError, Refused

VERIFIED, REFUSED, USAGE, FAILED = 0, 1, 2, 3
_FILE_MAX = (4 << 20) + 1
_DESCRIPTION = 'Exit status: 0 verified, 1 refused, 2 usage, 3 nothing could be decided.'


def say(message: str) -> None:
    print(f'trustbuild: {message}', file=sys.stderr)


def explain(error: Error) -> int:
    say(escape(f'{error.message} [{error.check}]' if error.check else error.message))
    cause = error.cause
    while cause is not None:
        print(f'  because: {escape(cause.message)}', file=sys.stderr)
        cause = cause.cause
    return FAILED


def _time(text: str) -> int:
    if text == 'now':
        return int(datetime.now(timezone.utc).timestamp())
    try:
        when = datetime.strptime(text, '%Y-%m-%dT%H:%M:%SZ').replace(tzinfo=timezone.utc)
    except ValueError:
        raise argparse.ArgumentTypeError(
            "takes 'now' or a UTC time as in 2026-01-31T12:00:00Z") from None
    return int(when.timestamp())


def _digits(text: str) -> bytes:
    if not re.fullmatch('([0-9A-Fa-f]{2})+', text):
        raise argparse.ArgumentTypeError('takes hexadecimal digits')
    return bytes.fromhex(text)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='python -m trustbuild', description=_DESCRIPTION)
    commands = parser.add_subparsers(dest='command', required=True)
    verify = commands.add_parser('verify', description=_DESCRIPTION,
                                 help='verify one artifact with its bundle')
    verify.add_argument('artifact')
    verify.add_argument('--bundle', required=True, metavar='FILE', help='the evidence')
    verify.add_argument('--policy', required=True, metavar='FILE', help='what is demanded')
    verify.add_argument('--as', dest='entry', metavar='NAME', help='the attested name')
    verify.add_argument('--repository', metavar='URL', help='demand this repository, too')
    verify.add_argument('--commit', metavar='ID', help='demand this commit, too')
    verify.add_argument('--nonce', metavar='HEX', type=_digits,
                        help='demand the nonce that was given to the build')
    verify.add_argument('--now', metavar='TIME', type=_time,
                        help='the time, as in 2026-01-31T12:00:00Z')
    verify.add_argument('--json', action='store_true', help='print the report as JSON')
    verify.add_argument('--html', metavar='FILE', help='write the report as one page, too')
    inspect = commands.add_parser('inspect', help='show what a bundle or a document says')
    inspect.add_argument('file')
    inspect.add_argument('--json', action='store_true', help='print JSON in place of a tree')
    return parser


def _write(text: str) -> None:
    if sys.stdout is None:
        raise OSError('cannot write to standard output')
    sys.stdout.write(text)
    sys.stdout.flush()


def _print_report(report: Report, options: argparse.Namespace) -> None:
    _write(report.to_json() if options.json else report.to_text())
    if options.html:
        with open(options.html, 'w', encoding='utf-8') as file:
            file.write(report.to_html())


def _verify(options: argparse.Namespace) -> int:
    policy = Policy.load(options.policy)
    try:
        verifier = Verifier(policy, now=options.now, repository=options.repository,
                            commit=options.commit, nonce=options.nonce, entry=options.entry)
    except InvalidError as why:
        say(escape(str(why)))
        return USAGE
    try:
        claims = verifier.check(options.artifact, options.bundle)
    except Refused as why:
        if not isinstance(why.report, Report):
            raise
        _print_report(why.report, options)
        return REFUSED
    _print_report(claims.report, options)
    return VERIFIED


def _document(attestation: Attestation) -> dict[str, Any]:
    ms = attestation.timestamp_ms
    return {
        'verified': False, 'module_id': attestation.module_id, 'timestamp_ms': str(ms),
        'time': _utc(ms // 1000), 'debug': attestation.debug,
        'pcrs': {str(i): value.hex() for i, value in attestation.pcrs.items()},
        'user_data': _hex(attestation.user_data), 'nonce': _hex(attestation.nonce),
        'public_key': _hex(attestation.public_key),
        'certificate_bytes': len(attestation.certificate), 'issuers': len(attestation.cabundle),
    }


def _utc(seconds: int) -> str | None:
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
    except (OverflowError, ValueError):
        return None


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def _describe(data: Any) -> dict[str, Any]:
    # A document begins with a COSE_Sign1 array or its tag, a bundle with a brace.
    if data[:1] and data[0] & 0x80:
        return {'kind': 'document', 'document': _document(Attestation(data))}
    bundle = Bundle(data)
    try:
        document = _document(Attestation(bundle.attestation))
    except Error:
        document = None
    return {'kind': 'bundle', 'bundle': bundle.describe(), 'document': document}


def _scalar(value: Any, rails: str) -> str:
    if isinstance(value, str):
        lines = value.split('\n')
        if len(lines) == 1:
            return escape(value)
        if not lines[-1]:
            lines.pop()
        return ''.join(f'\n{rails}{escape(line)}' for line in lines)
    if value is None:
        return 'none'
    return ('yes' if value else 'no') if isinstance(value, bool) else str(value)


def _tree(value: Any, rails: str) -> Iterator[str]:
    members = list(value.items()) if isinstance(value, dict) else [(None, v) for v in value]
    for i, (name, child) in enumerate(members):
        last = i == len(members) - 1
        deeper = rails + ('   ' if last else '│  ')
        head = f'{rails}{"└─" if last else "├─"} '
        if isinstance(child, (dict, list)):
            yield head + (escape(name) if name is not None else '•')
            yield from _tree(child, deeper)
        else:
            label = f'{escape(name)}: ' if name is not None else ''
            yield head + label + _scalar(child, deeper)


def _inspect(options: argparse.Namespace) -> int:
    described = _describe(read(options.file, _FILE_MAX))
    lines = [json.dumps(described)] if options.json else [
        'UNVERIFIED: what the file says about itself', *_tree(described, '')]
    _write(''.join(f'{line}\n' for line in lines))
    return VERIFIED


def main(arguments: list[str] | None = None) -> int:
    """The exit status."""
    options = _arguments().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, 'reconfigure'):
            stream.reconfigure(encoding='utf-8', errors='backslashreplace')
    try:
        return _verify(options) if options.command == 'verify' else _inspect(options)
    except Error as why:
        return explain(why)
    except (OSError, ValueError) as why:
        say(escape(str(why)))
    except Exception:
        # Python's own exit status would say "refused".
        traceback.print_exc()
    return FAILED
