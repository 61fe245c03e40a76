# SPDX-License-Identifier: Apache-2.0
"""The verifier, documents, errors and the command line."""

from __future__ import annotations

import array
import errno
import functools
import gc
import io
import json
import mmap
import os
import pathlib
import pickle
import re
import subprocess
import sys
import tempfile
import threading
import traceback
import unittest
from datetime import datetime, timedelta, timezone
from typing import Any

import trustbuild
from support import COMMIT, VECTORS, VERIFY, Minted, with_vectors
from trustbuild import errors
from trustbuild._native import lib

NITRO = VECTORS / 'nitro'


class Verify(Minted):
    def test_claims(self) -> None:
        claims = self.verify()
        wanted = json.loads(claims.report.to_json())['claims']
        self.assertEqual(claims.artifact, 'out/tb-widget')
        self.assertEqual(claims.artifact, wanted['artifact']['name'])
        self.assertEqual(claims.artifact_size, self.artifact.stat().st_size)
        self.assertEqual(claims.repository, 'https://forge.example/widget')
        self.assertEqual(claims.commit, '1f7a7a472abf3dd9643fd615f6da379c4acb3e3a')
        self.assertEqual((claims.relation, claims.steps, claims.ref_tip),
                         ('tip', 0, claims.commit))
        self.assertGreater(claims.cpus * claims.memory_mib, 0)
        self.assertTrue(claims.cpu_model)
        self.assertEqual(claims.materials > 0, claims.materials_digest is not None)
        self.assertIsNone(claims.location)
        self.assertEqual({str(i): v.hex() for i, v in claims.pcrs.items()}, wanted['pcrs'])
        self.assertTrue(claims.simulated)
        self.assertIsNotNone(claims.log)
        self.assertIsNotNone(claims.witnessed_time)
        outcomes = {check.outcome for check in claims.report.checks}
        self.assertEqual(outcomes, {trustbuild.Outcome.PASS, trustbuild.Outcome.NOT_DEMANDED})
        self.assertIsNone(claims.report.refused)
        self.assertIn('</html>', claims.report.to_html())

    def test_every_form_of_input(self) -> None:
        wanted = self.verify()
        content = self.artifact.read_bytes()
        bundle = trustbuild.Bundle.load(self.bundle)
        with trustbuild.Policy.load(str(self.policy)) as policy:
            doubled = bytes(byte for each in content for byte in (each, 0))
            with open(self.artifact, 'rb') as file:
                mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
            self.addCleanup(mapped.close)
            read_on = io.BytesIO(content)
            read_on.read(3)
            for data in (content, bytearray(content), memoryview(content), read_on, mapped,
                         memoryview(doubled)[::2], array.array('B', content)):
                self.assertEqual(trustbuild.verify(data, bundle=bundle, policy=policy,
                                                   name='tb-widget'), wanted)
            with open(self.artifact, 'rb') as file:
                file.seek(3)
                self.assertEqual(trustbuild.verify(file, bundle=self.bundle.read_bytes(),
                                                   policy=policy), wanted)
                self.assertEqual(file.tell(), 3)
            with self.assertRaises(errors.InvalidError):
                trustbuild.verify(content, bundle=bundle, policy=policy)
            self.assertEqual(trustbuild.verify(content, bundle=bundle, policy=policy,
                                               entry='out/tb-widget'), wanted)
        self.assertTrue(policy.closed)
        with self.assertRaises(ValueError):
            policy.accepts_simulated

    def test_flipped_byte(self) -> None:
        content = bytearray(self.artifact.read_bytes())
        content[0] ^= 1
        with self.assertRaises(errors.ArtifactRefused) as caught:
            trustbuild.verify(content, bundle=self.bundle, policy=self.policy, name='tb-widget')
        why = caught.exception
        self.assertIsInstance(why, trustbuild.Refused)
        self.assertEqual((why.name, why.code), ('TRB_E_ARTIFACT', lib.TRB_E_ARTIFACT))
        self.assertEqual(why.check, 'artifact.digest')
        self.assertEqual(why.report.refused, why.check)
        self.assertEqual(why.report.verdict, why.code)
        failed = [c.id for c in why.report.checks if c.outcome is trustbuild.Outcome.FAIL]
        self.assertEqual(failed, [why.check])

    def test_demands(self) -> None:
        self.verify(repository='https://forge.example/widget')
        with self.assertRaises(errors.SourceRefused):
            self.verify(repository='https://forge.example/other')
        with self.assertRaises(errors.SourceRefused):
            self.verify(commit='0' * 40)
        with self.assertRaises(errors.FreshnessRefused):
            self.verify(nonce=b'\0' * 32)
        with self.assertRaises(errors.InvalidError):
            self.verify(nonce=b'')
        with self.assertRaises(ValueError):
            self.verify(entry='out\0tb-widget')

    def test_no_bundle_and_no_policy(self) -> None:
        with self.assertRaises(errors.LimitRefused):
            trustbuild.verify(self.artifact, bundle=b' ' * (5 << 20), policy=self.policy)
        with self.assertRaises(errors.FormatRefused) as caught:
            trustbuild.verify(self.artifact, bundle=b'{}', policy=self.policy)
        self.assertEqual(caught.exception.check, 'bundle.parse')
        self.assertEqual(caught.exception.report.refused, 'bundle.parse')
        self.assertIsInstance(caught.exception, errors.FormatError)
        with self.assertRaises(errors.PolicyError) as caught:
            trustbuild.verify(self.artifact, bundle=self.bundle, policy=b'')
        self.assertNotIsInstance(caught.exception, trustbuild.Refused)
        self.assertEqual(caught.exception.check, 'policy.parse')
        with self.assertRaises(FileNotFoundError):
            trustbuild.verify(self.dir / 'none', bundle=self.bundle, policy=self.policy)

    def test_texts_with_nul(self) -> None:
        for text in ('a\0b', '\0', 'right\0'):
            for demands in ({'repository': text}, {'commit': text}, {'entry': text},
                            {'name': text}):
                with self.subTest(demands=demands), self.assertRaisesRegex(ValueError, 'null'):
                    self.verify(**demands)
            for call in (
                    lambda text: trustbuild.Request(text, COMMIT),
                    lambda text: trustbuild.Request('https://forge.example/app', text),
                    lambda text: trustbuild.Request('https://forge.example/app', COMMIT, ref=text),
                    lambda text: trustbuild.Request.resolve('https://localhost:1/app', text),
                    trustbuild.Session, trustbuild.Log, trustbuild.Log.create, trustbuild.Eif,
                    trustbuild.Bundle.load, trustbuild.Policy.load, trustbuild.verify_document,
                    lambda text: trustbuild.Context(state_dir=text),
                    lambda text: trustbuild.ImageBuilder(kernel=text),
                    lambda text: trustbuild.verify_many([(text, text)], policy=self.policy)):
                with self.subTest(text=text), self.assertRaisesRegex(ValueError, 'null'):
                    call(text)
        # what is converted is converted in one place
        folder = pathlib.Path(trustbuild.__file__).parent
        makers = [path.name for path in folder.glob('*.py')
                  for _ in re.findall(r"'char\[\]', encoded", path.read_text(encoding='utf-8'))]
        self.assertEqual(makers, ['_core.py'])

    def test_irregular_files(self) -> None:
        fifo = self.dir / 'fifo'
        os.mkfifo(fifo)
        good = {'artifact': self.artifact, 'bundle': self.bundle, 'policy': self.policy}
        root = (self.dir / 'root.der').read_bytes()
        verify = functools.partial(trustbuild.verify_document, roots=[root])
        verify(self.dir / 'nsm.bin')
        for path in (fifo, '/dev/zero', '/dev/null', self.dir):
            for which in good:
                with self.subTest(path=path, which=which), \
                        self.assertRaisesRegex(errors.IOFailedError, 'not a regular file'):
                    files = {**good, which: path}
                    trustbuild.verify(files.pop('artifact'), **files)
            for call in (verify, trustbuild.Eif, trustbuild.Attestation.load):
                with self.assertRaisesRegex(errors.IOFailedError, 'not a regular file'):
                    call(path)
        reading, writing = os.pipe()
        with open(reading, 'rb') as file, open(writing, 'wb'), \
                self.assertRaisesRegex(errors.IOFailedError, 'not a regular file'):
            trustbuild.verify(file, bundle=self.bundle, policy=self.policy, name='tb-widget')

    def test_what_is_no_path(self) -> None:
        fd = os.open(self.bundle, os.O_RDONLY)
        self.addCleanup(os.close, fd)
        for path in (fd, True, False, 5.0, None, object(), io.StringIO('text')):
            for call in (
                    lambda path: self.verify(nonce=path if path is not None else 5),
                    lambda path: trustbuild.verify(path, bundle=self.bundle, policy=self.policy),
                    lambda path: trustbuild.verify(self.artifact, bundle=path, policy=self.policy),
                    lambda path: trustbuild.verify(self.artifact, bundle=self.bundle, policy=path),
                    trustbuild.verify_document, trustbuild.Bundle, trustbuild.Bundle.load,
                    trustbuild.Policy.load, trustbuild.Eif, trustbuild.Attestation,
                    lambda path: trustbuild.Bundle.load(self.bundle).save(path)):
                with self.subTest(path=path), self.assertRaises(TypeError):
                    call(path)
        # the caller's descriptor is neither read nor closed
        self.assertEqual(os.lseek(fd, 0, os.SEEK_CUR), 0)
        self.assertEqual(trustbuild.Bundle(os.pread(fd, 1 << 20, 0)).log_entries, 1)

    def test_bundle(self) -> None:
        bundle = trustbuild.Bundle.load(self.bundle)
        self.assertEqual(json.loads(bundle.encode()), json.loads(self.bundle.read_bytes()))
        self.assertEqual(bundle.attestation, (self.dir / 'nsm.bin').read_bytes())
        self.assertGreater(bundle.log_entries, 0)
        self.assertTrue(bundle.describe())
        request = trustbuild.Request.parse(bundle.request)
        self.assertEqual(request.repository, 'https://forge.example/widget')
        self.assertEqual(request.encode(), bundle.request)

    def test_time(self) -> None:
        document, root = self.dir / 'nsm.bin', (self.dir / 'root.der').read_bytes()
        signed = trustbuild.Attestation.load(document).timestamp_ms / 1000

        def judge(time: object) -> object:
            return trustbuild.verify_document(document, roots=root, time=time)

        for now in (signed + 1, int(signed) + 1, datetime.fromtimestamp(signed + 1, timezone.utc)):
            self.verify(now=now)
            judge(now)
        for now in (datetime.now(), 0, -1, 2.0 ** 70, 2 ** 70, float('nan'), float('inf')):
            for call in (judge, lambda now: self.verify(now=now)):
                with self.subTest(now=now), self.assertRaises(errors.InvalidError):
                    call(now)
        for now in (True, '2026-09-21', b'1', None.__class__):
            for call in (judge, lambda now: self.verify(now=now)):
                with self.subTest(now=now), self.assertRaises(TypeError):
                    call(now)

    def test_other_processes(self) -> None:
        claims = self.verify()
        again = pickle.loads(pickle.dumps(claims))
        self.assertEqual(again, claims)
        for form in ('to_json', 'to_text', 'to_html'):
            self.assertEqual(getattr(again.report, form)(), getattr(claims.report, form)())
        self.assertEqual(again.report.checks, claims.report.checks)
        with self.assertRaises(errors.SourceRefused) as caught:
            self.verify(commit='0' * 40)
        why = pickle.loads(pickle.dumps(caught.exception))
        self.assertIs(type(why), errors.SourceRefused)
        self.assertEqual((why.check, str(why)), (caught.exception.check, str(caught.exception)))
        self.assertEqual(str(why.report), str(caught.exception.report))
        bundle = trustbuild.Bundle.load(self.bundle)
        self.assertEqual(bytes(pickle.loads(pickle.dumps(bundle))), bytes(bundle))

    def test_batch(self) -> None:
        other = self.dir / 'other'
        other.write_bytes(self.artifact.read_bytes())
        flipped = self.dir / 'flipped'
        flipped.write_bytes(self.artifact.read_bytes() + b'x')
        with trustbuild.Verifier(self.policy) as verifier, trustbuild.Batch(verifier) as batch:
            batch.add(self.artifact, self.bundle)
            batch.add(str(other), self.bundle, entry='out/tb-widget')
            batch.add(flipped, self.bundle, entry='out/tb-widget')
            batch.add(os.fsencode(self.dir / 'none'), self.bundle)
            self.assertEqual(len(batch), 4)
            results = batch.run()
            with self.assertRaises(errors.StateError):
                batch.run()
        self.assertEqual([r.verified for r in results], [True, True, False, False])
        self.assertEqual([r.artifact for r in results],
                         [str(self.artifact), str(other), str(flipped), str(self.dir / 'none')])
        self.assertEqual(results[0].get(), self.verify())
        self.assertEqual(results[0].error, None)
        with self.assertRaises(errors.ArtifactRefused) as caught:
            results[2].get()
        self.assertEqual(caught.exception.report.refused, 'artifact.digest')
        self.assertEqual(results[2].claims, None)
        self.assertNotIsInstance(results[3].error, trustbuild.Refused)
        many = trustbuild.verify_many([(self.artifact, self.bundle)] * 3, policy=self.policy)
        self.assertEqual([r.get() for r in many], [self.verify()] * 3)

    def test_ten_thousand_from_four_threads(self) -> None:
        wanted = self.verify()
        content = self.artifact.read_bytes()
        verifier = trustbuild.Verifier(self.policy)
        bundle = trustbuild.Bundle.load(self.bundle)
        wrong: list[object] = []

        def work(rounds: int) -> None:
            for i in range(rounds):
                try:
                    if i % 10:
                        agrees = verifier.check(content, bundle, name='tb-widget') == wanted
                    else:
                        agrees = self.refuses(verifier, content + b'x', bundle)
                except Exception as why:
                    agrees = False
                    wrong.append(why)
                if not agrees:
                    wrong.append(i)

        def all_threads(rounds: int) -> int:
            threads = [threading.Thread(target=work, args=(rounds,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            gc.collect()
            return resident()

        before = all_threads(250)
        after = all_threads(2250)
        self.assertEqual(wrong, [])
        # A leak of one report or one set of claims a round would be over 10 MiB.
        self.assertLess(after - before, 4 << 20)

    def refuses(self, verifier: trustbuild.Verifier, content: bytes,
                bundle: trustbuild.Bundle) -> bool:
        try:
            verifier.check(content, bundle, name='tb-widget')
        except errors.ArtifactRefused as why:
            return why.check == 'artifact.digest'
        return False


def resident() -> int:
    """Bytes of memory in use now."""
    with open('/proc/self/statm', encoding='ascii') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGESIZE')


class DocumentDemands(Minted):
    def test_each(self) -> None:
        document, root = self.dir / 'nsm.bin', (self.dir / 'root.der').read_bytes()
        attested = trustbuild.Attestation.load(document)
        signed = attested.timestamp_ms // 1000
        pcr = attested.pcrs[0]
        right: list[dict[str, Any]] = [
            {'time': signed + 60, 'max_age': 60},
            {'time': datetime.fromtimestamp(signed + 60, timezone.utc), 'max_age':
             timedelta(minutes=1)},
            {'pcrs': {0: pcr}}, {'pcrs': attested.pcrs}, {'nonce': attested.nonce},
            {'user_data': attested.user_data}]
        if attested.public_key is not None:
            right.append({'public_key': attested.public_key})
        for demands in right:
            with self.subTest(demands=demands):
                trustbuild.verify_document(document, roots=root, **demands)
        wrong: list[tuple[str, type[trustbuild.Refused], dict[str, Any]]] = [
            ('document.time', errors.FreshnessRefused, {'time': signed + 62, 'max_age': 60}),
            ('document.pcrs', errors.MeasurementRefused, {'pcrs': {0: bytes(47) + b'x'}}),
            ('document.nonce', errors.FreshnessRefused, {'nonce': attested.nonce[:-1]}),
            ('document.nonce', errors.FreshnessRefused, {'nonce': b''}),
            ('document.data', errors.ClaimRefused, {'user_data': b''}),
            ('document.key', errors.ClaimRefused, {'public_key': b'another'})]
        for check, cls, demands in wrong:
            with self.subTest(demands=demands), self.assertRaises(cls) as caught:
                trustbuild.verify_document(document, roots=root, **demands)
            self.assertEqual(caught.exception.check, check)
            self.assertEqual(caught.exception.report.refused, check)

    def test_no_demand(self) -> None:
        for demands in ({'pcrs': {0: b'short'}}, {'pcrs': {32: bytes(48)}}, {'max_age': -1},
                        {'max_age': float('nan')}, {'nonce': bytes(1025)}):
            with self.subTest(demands=demands), self.assertRaises(errors.InvalidError):
                trustbuild.DocumentVerifier(**demands)
        for demands in ({'max_age': True}, {'max_age': '1'}, {'nonce': 'text'}, {'pcrs': {0: 5}}):
            with self.subTest(demands=demands), self.assertRaises(TypeError):
                trustbuild.DocumentVerifier(**demands)


@with_vectors
class Documents(unittest.TestCase):
    def test_every_vector_as_tb_verify(self) -> None:
        files = sorted(NITRO.glob('*tive/*'))
        self.assertTrue(files)
        verdicts = set()
        for allow_debug in (False, True):
            ran = subprocess.run([VERIFY, 'document', '--json', *files,
                                  *(['--allow-debug'] if allow_debug else [])],
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            verifier = trustbuild.DocumentVerifier(allow_debug=allow_debug)
            everything = json.loads(ran.stdout)
            self.assertEqual(len(everything), len(files))
            for path, told in zip(files, everything):
                with self.subTest(file=path.name, allow_debug=allow_debug):
                    self.assertEqual(told['file'], str(path))
                    report, check = self.judge(verifier, path)
                    self.assertEqual(json.loads(report.to_json()), told['report'])
                    self.assertEqual(report.refused, check)
                    self.assertEqual(told['report']['refused'], check)
                    verdicts.add(check)
        self.assertIn(None, verdicts)

    def judge(self, verifier: trustbuild.DocumentVerifier,
              path: pathlib.Path) -> tuple[trustbuild.DocumentReport, str | None]:
        try:
            verified = verifier.check(path)
        except errors.EvidenceRefused as why:
            return why.report, why.check
        self.assertIs(verified.assurance, trustbuild.Assurance.HARDWARE)
        return verified.report, None

    def test_manifest(self) -> None:
        manifest = json.loads((NITRO / 'manifest.json').read_bytes())
        self.assertTrue(manifest['positive'])
        for entry in manifest['positive']:
            with self.subTest(file=entry['file']):
                verified = trustbuild.verify_document(NITRO / entry['file'], allow_debug=True)
                self.assertEqual(verified.attestation.module_id, entry['module_id'])
                self.assertEqual(verified.attestation.timestamp_ms, entry['timestamp_ms'])
                self.assertEqual(verified.attestation.debug, entry['debug'])
                self.assertEqual(verified.attestation.pcrs[0].hex(), entry['pcr0'])

    def test_root_and_time(self) -> None:
        entries = json.loads((NITRO / 'manifest.json').read_bytes())['positive']
        document = (NITRO / next(e['file'] for e in entries if not e['debug'])).read_bytes()
        root = NITRO / 'aws_nitro_root_g1.pem'
        self.assertIs(trustbuild.verify_document(document, roots=[root]).assurance,
                      trustbuild.Assurance.HARDWARE)
        with self.assertRaises(errors.EvidenceRefused) as caught:
            trustbuild.verify_document(document, time=1)
        self.assertEqual(caught.exception.check, 'document.chain')
        with self.assertRaises(errors.FormatError):
            trustbuild.DocumentVerifier(roots=[b'none'])


class Errors(unittest.TestCase):
    def test_one_class_for_each_code(self) -> None:
        codes = {name: getattr(lib, name) for name in dir(lib) if name.startswith('TRB_E_')}
        self.assertGreater(len(codes), 20)
        classes = {errors.error_class(code) for code in codes.values()}
        self.assertEqual(len(classes), len(codes))
        for name, code in codes.items():
            cls = errors.error_class(code)
            error = cls('why', check='a.b')
            self.assertEqual((error.code, error.name), (code, name))
            self.assertEqual(issubclass(cls, trustbuild.Refused),
                             bool(lib.trb_is_verdict(code)) and name != 'TRB_E_POLICY')
            self.assertEqual(str(error), 'why [a.b]')
            self.assertIn(cls.__name__, errors.__all__)

    def test_unknown_codes(self) -> None:
        self.assertIs(errors.error_class(-999), trustbuild.Error)
        self.assertIs(errors.error_class(-1999), trustbuild.Refused)

    def test_cause_of_the_library(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, 'softnsm').mkdir(0o700)
            pathlib.Path(folder, 'softnsm', 'root-key.pem').write_bytes(b'none')
            pathlib.Path(folder, 'softnsm', 'root.pem').write_bytes(b'no certificate')
            with self.assertRaises(trustbuild.Error) as caught:
                trustbuild.simulated_root(trustbuild.Context(state_dir=folder))
        above = caught.exception
        below = above.cause
        self.assertIsInstance(below, trustbuild.Error)
        self.assertIs(above.__cause__, below)
        self.assertIn('development root in', above.message)
        self.assertNotEqual(below.message, above.message)
        self.assertIs(type(below), errors.error_class(below.code))
        shown = ''.join(traceback.format_exception(type(above), above, None))
        self.assertLess(shown.index(below.message), shown.index(above.message))

    def test_reason_and_errno(self) -> None:
        with self.assertRaises(errors.EvidenceRefused) as caught:
            trustbuild.verify_document(b'')
        why, reasons = caught.exception, []
        while why is not None:
            reasons.append(why.message)
            why = why.cause
        self.assertGreater(len(reasons), 1)
        self.assertEqual(str(caught.exception), f'{": ".join(reasons)} [document.parse]')
        self.assertIsNone(caught.exception.errno)
        with self.assertRaises(errors.NotFoundError) as caught:
            trustbuild.Log('local:dir=/none/log')
        self.assertEqual(caught.exception.errno, errno.ENOENT)
        again = pickle.loads(pickle.dumps(caught.exception))
        self.assertEqual(again.errno, errno.ENOENT)

    def test_cause(self) -> None:
        below = errors.IOFailedError('below')
        above = errors.FormatError('above', cause=below)
        self.assertIs(above.cause, below)
        self.assertIs(above.__cause__, below)

    def test_every_public_function_is_there(self) -> None:
        symbols = os.path.join(os.path.dirname(__file__),
                               '../../../libtrustbuild/libtrustbuild.sym')
        with open(symbols, encoding='ascii') as file:
            names = [word.strip(';') for word in file.read().split() if word.startswith('trb_')]
        self.assertGreater(len(names), 150)
        # sys/backend.h is for backends, and for who checks an installation.
        backends = {'trb_helper_get', 'trb_session_open_tee', 'trb_tee_check', 'trb_tee_get'}
        self.assertEqual([n for n in names if not hasattr(lib, n)], sorted(backends))

    def test_help(self) -> None:
        for name in trustbuild.__all__:
            thing = getattr(trustbuild, name)
            if isinstance(thing, type) or callable(thing):
                with self.subTest(name=name):
                    self.assertEqual(thing.__module__, 'trustbuild' if not issubclass(
                        thing if isinstance(thing, type) else object, trustbuild.Error)
                        else 'trustbuild.errors')
                    self.assertTrue(thing.__doc__)


class CommandLine(Minted):
    def both(self, *args: object) -> tuple[subprocess.CompletedProcess[str],
                                           subprocess.CompletedProcess[str]]:
        words = [str(arg) for arg in args]
        theirs = [VERIFY, *(words[1:] if words[:1] == ['verify'] else words)]
        ours = [sys.executable, '-m', 'trustbuild', *words]
        return tuple(subprocess.run(command, capture_output=True, text=True, encoding='utf-8')
                     for command in (ours, theirs))

    def same(self, status: int, *args: object, out: bool = True) -> str:
        ours, theirs = self.both(*args)
        self.assertEqual((ours.returncode, theirs.returncode), (status, status), ours.stderr)
        if out:
            self.assertEqual(ours.stdout, theirs.stdout)
        return ours.stdout

    def test_verify(self) -> None:
        other = self.dir / 'other'
        other.write_bytes(b'other')
        broken = self.dir / 'broken'
        broken.write_bytes(b'{')
        good = ('verify', self.artifact, '--bundle', self.bundle, '--policy')
        self.same(0, *good, self.policy)
        self.same(0, *good, self.policy, '--json', '--as', 'out/tb-widget')
        self.same(1, *good, self.policy, '--commit', '0' * 40)
        self.same(2, *good, self.policy, '--commit', 'main')
        self.same(3, *good, broken)
        self.same(3, *good, self.dir / 'none')
        self.same(1, 'verify', self.artifact, '--bundle', broken, '--policy', self.policy)
        self.same(1, 'verify', other, '--bundle', self.bundle, '--policy', self.policy)
        self.same(3, 'verify', self.dir, '--bundle', self.bundle, '--policy', self.policy)
        ours, theirs = self.both('verify', self.artifact)
        self.assertEqual((ours.returncode, theirs.returncode), (2, 2))

    def test_output_that_gets_lost(self) -> None:
        for words in (['verify', self.artifact, '--bundle', self.bundle, '--policy', self.policy],
                      ['inspect', self.bundle]):
            command = [sys.executable, '-m', 'trustbuild', *words]
            with open('/dev/full', 'w', encoding='ascii') as full:
                ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE)
            self.assertEqual(ran.returncode, 3)
            ran = subprocess.run(['sh', '-c', 'exec "$@" >&-', 'sh', *command], capture_output=True)
            self.assertEqual((ran.returncode, ran.stdout), (3, b''))
            self.assertIn(b'standard output', ran.stderr)

    def test_usage(self) -> None:
        good = ('verify', self.artifact, '--bundle', self.bundle, '--policy', self.policy)
        for more in (['--nonce', 'zz'], ['--nonce', 'aa bb'], ['--now', 'soon'], ['--jason'],
                     ['--nonce', 'aa']):
            self.same(2, *good, *more)
        self.same(3, *good, '--html', self.dir / 'none/report.html', out=False)
        self.same(1, *good, '--nonce', 'AA' * 16, '--now', '2026-01-31T12:00:00Z')
        self.same(0, *good, '--now', 'now', '--jso')

    def test_inspect(self) -> None:
        for name in (self.bundle, self.dir / 'nsm.bin'):
            self.assertIn('UNVERIFIED', self.same(0, 'inspect', name))
            ours, theirs = self.both('inspect', name, '--json')
            self.assertEqual(json.loads(ours.stdout), json.loads(theirs.stdout))
        self.same(3, 'inspect', self.artifact)


if __name__ == '__main__':
    unittest.main()
