# SPDX-License-Identifier: Apache-2.0
"""Requests, sessions, images and logs."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import pathlib
import pickle
import signal
import socket
import subprocess
import threading
import time
import unittest

import trustbuild
from support import (COMMIT, EIF, HOST, VECTORS, Folder, Minted, locked_for_a_while, ticks_during,
                     with_enclave, with_vectors)
from trustbuild import EventType, errors
from trustbuild._native import ffi, lib

REPOSITORY = os.environ.get('TRB_REPOSITORY', '')
CA = os.environ.get('TRB_CA', '')


class Contexts(Folder):
    def test_directories(self) -> None:
        context = trustbuild.Context(state_dir=pathlib.Path('/nowhere'), libexec_dir='/lib')
        self.assertEqual((context.state_dir, context.libexec_dir), ('/nowhere', '/lib'))
        self.assertEqual(repr(context), "<trustbuild.Context state_dir='/nowhere'>")
        with self.assertRaises(errors.InvalidError):
            trustbuild.Context(state_dir='relative')

    def test_log_sink(self) -> None:
        lines = []
        context = trustbuild.Context(log=lambda level, line: lines.append((level, line)))
        line = ffi.new('char[]', 'né'.encode())
        lib.trustbuild_python_log(trustbuild.LOG_INFO, line, context._sink)
        self.assertEqual(lines, [(trustbuild.LOG_INFO, 'né')])

    def test_logger(self) -> None:
        logger = logging.getLogger('trustbuild.test')
        context = trustbuild.Context(log=logger)
        with self.assertLogs(logger, logging.INFO) as caught:
            lib.trustbuild_python_log(trustbuild.LOG_NOTICE, ffi.new('char[]', b'a\x1b[2J'),
                                      context._sink)
        self.assertEqual(caught.records[0].getMessage(), 'a\\x1b[2J')

    def test_sink_that_raises(self) -> None:
        context = trustbuild.Context(log=lambda level, line: 1 // 0)
        with self.assertLogs('trustbuild') as caught:
            lib.trustbuild_python_log(trustbuild.LOG_INFO, ffi.new('char[]', b''), context._sink)
        self.assertIn('ZeroDivisionError', caught.output[0])

    def test_escape(self) -> None:
        self.assertEqual(trustbuild.escape('né \x1b\n\u202e'), 'né \\x1b\\x0a\\u{202e}')
        self.assertEqual(trustbuild.escape('e\u0301\xa0\\\0\U000e0100'),
                         'e\\u{301}\\u{a0}\\\\\\x00\\u{e0100}')
        self.assertEqual(trustbuild.escape(b'\xff\xc3'), '\\xff\\xc3')
        self.assertEqual(trustbuild.escape('\udcff'), '\\xff')
        self.assertEqual(trustbuild.escape('\ud800'), '\\xed\\xa0\\x80')
        self.assertEqual(trustbuild.escape(''), '')
        self.assertEqual(trustbuild.escape(b'\xff'), '\\xff')


class Requests(Folder):
    def test_request(self) -> None:
        with trustbuild.Request('https://forge.example/widget', 'a' * 40, ref='refs/heads/main',
                                sandbox='crun', nonce=memoryview(b'n' * 16)) as request:
            again = trustbuild.Request.parse(request.encode())
            pickled = pickle.loads(pickle.dumps(request))
        self.assertEqual(again.commit, 'a' * 40)
        self.assertEqual(pickled.encode(), bytes(again))
        self.assertEqual((again.ref, again.sandbox), ('refs/heads/main', 'crun'))
        self.assertEqual((again.nonce, again.recipe), (b'n' * 16, None))
        self.assertIn('https://forge.example/widget', repr(again))
        self.assertEqual(repr(request), '<trustbuild.Request closed>')
        with self.assertRaises(errors.InvalidError):
            trustbuild.Request('ftp://forge.example/widget', 'a' * 40)

    def test_resolve_releases_the_lock(self) -> None:
        # The server is a thread of this process: it answers only where the call lets it.
        with socket.create_server(('127.0.0.1', 0)) as server:
            def answer() -> None:
                while True:
                    try:
                        server.accept()[0].close()
                    except OSError:
                        return

            thread = threading.Thread(target=answer, daemon=True)
            thread.start()
            began = time.monotonic()
            with self.assertRaises(errors.IOFailedError) as caught:
                trustbuild.Request.resolve(
                    f'https://127.0.0.1:{server.getsockname()[1]}/widget', 'main',
                    context=self.context)
            self.assertLess(time.monotonic() - began, 20)
            server.close()
        self.assertIsInstance(caught.exception, OSError)


class Sessions(Folder):
    def test_session_that_cannot_start(self) -> None:
        with self.assertRaises(errors.NotFoundError):
            trustbuild.Session('none:', self.context)
        broken = self.dir / 'broken.eif'
        broken.write_bytes(b'no image')
        request = trustbuild.Request('https://forge.example/widget', 'a' * 40)
        with trustbuild.Session.process(broken, self.context, output=self.dir) as session:
            with self.assertRaises(errors.StateError):
                session.fileno()
            with self.assertRaises(errors.StateError):
                session.next_event()
            with self.assertRaises(errors.FormatError) as caught:
                session.start(request)
        self.assertTrue(session.closed)
        session.cancel()
        session.close()
        with self.assertRaises(ValueError):
            session.start(request)
        self.assertIsInstance(caught.exception, ValueError)
        with self.assertRaises(errors.Error):
            with trustbuild.Session.process(broken, self.context) as session:
                session.build(request)

    def test_arguments(self) -> None:
        # a path is a path, whatever it holds
        for path in ('a,memory_mib=1', 'a "b"\\c'):
            with trustbuild.Session.process(path, self.context) as session:
                with self.assertRaises(errors.NotFoundError):
                    session.start(trustbuild.Request('https://forge.example/widget', 'a' * 40))
        with self.assertRaises(FileNotFoundError):
            trustbuild.Session.process('a.eif', self.context, output=self.dir / 'none').close()
        for timeout in (0, -1, 1 << 40):
            with self.assertRaises(errors.InvalidError):
                trustbuild.Session.process('a.eif', self.context, timeout=timeout)

    def test_unclosed(self) -> None:
        session = trustbuild.Session.process('a.eif', self.context)
        with self.assertWarns(ResourceWarning):
            del session

    def test_simulated_root(self) -> None:
        root = trustbuild.simulated_root(self.context)
        self.assertEqual(root[:1], b'\x30')
        with locked_for_a_while(self.dir / 'state/softnsm') as given_up:
            self.assertEqual(trustbuild.simulated_root(self.context), root)
            self.assertTrue(given_up.is_set())


@with_enclave
class Builds(Folder):
    """Whole builds of a small repository, in an enclave."""

    def setUp(self) -> None:
        super().setUp()
        # The image was unpacked there before, or is now; keys and logs are there as well.
        self.lines: list[str] = []
        self.context = trustbuild.Context(log=lambda level, line: self.lines.append(line))
        self.out = self.dir / 'out'
        self.out.mkdir()

    def request(self, name: str = 'main') -> trustbuild.Request:
        return trustbuild.Request.resolve(REPOSITORY, name, ca_file=CA, context=self.context)

    def session(self, **more: object) -> trustbuild.Session:
        return trustbuild.Session.process(pathlib.Path(EIF), self.context, output=self.out,
                                          allow_private='localhost', **more)

    def check(self, request: trustbuild.Request, bundle: trustbuild.Bundle) -> None:
        policy = trustbuild.draft_policy(EIF, repositories=REPOSITORY, refs='refs/heads/main',
                                         logs='none', roots=trustbuild.simulated_root(self.context))
        claims = trustbuild.verify(self.out / 'hello', bundle=bundle, nonce=request.nonce,
                                   policy=json.dumps(policy).encode())
        self.assertEqual(claims.commit, request.commit)
        self.assertTrue(claims.simulated)

    def test_events(self) -> None:
        with self.request() as request, self.session() as session:
            events = list(session.run(request))
            with self.assertRaises(errors.DoneError):
                session.next_event()
            self.assertEqual(list(session), [])
        states = [e.state for e in events if e.type is EventType.STATE]
        self.assertEqual(states, ['READY', 'FETCHING', 'COMMITTED', 'BUILDING', 'BUILT', 'ATTESTED',
                                  'DONE'])
        ready = next(e for e in events if e.state == 'READY')
        self.assertGreater(ready.cpus * ready.memory_mib, 0)
        self.assertTrue(ready.cpu_model)
        committed = next(e for e in events if e.state == 'COMMITTED')
        self.assertEqual((committed.relation, committed.steps, committed.tag, committed.location),
                         ('tip', 0, None, None))
        self.assertEqual(committed.tip, committed.text.decode())
        self.assertEqual(committed.text.decode(), request_commit := self.request().commit)
        printed = b''.join(e.text for e in events if e.type is EventType.OUTPUT and e.stream == 1)
        self.assertIn(b'said on stdout', printed)
        printed = b''.join(e.text for e in events if e.type is EventType.OUTPUT and e.stream == 2)
        self.assertIn(b'said on stderr', printed)
        made, = (e for e in events if e.type is EventType.ARTIFACT)
        self.assertEqual((made.text, made.attested), (b'hello', True))
        self.assertEqual(made.size, (self.out / 'hello').stat().st_size)
        bundle, = (e.bundle for e in events if e.bundle)
        self.assertEqual(trustbuild.Request.parse(bundle.request).commit, request_commit)

    def test_build(self) -> None:
        with self.request() as request, self.session() as session:
            bundle = session.build(request)
            self.check(request, bundle)
            with self.assertRaises(errors.StateError):
                session.start(request)
        self.assertTrue(any(line.startswith('COMMITTED ') for line in self.lines), self.lines)
        self.assertIn('build: said on stdout', self.lines)
        bundle.save(self.dir / 'hello.bundle.json')
        self.assertEqual((self.dir / 'hello.bundle.json').read_bytes(), bundle.encode())

    def test_booted_before_it_is_asked(self) -> None:
        with self.session() as session:
            self.assertIs(session.assurance, trustbuild.Assurance.SIMULATED)
            session.boot()
            for event in session:
                if event.state == 'READY':
                    break
            request = self.request()
            self.check(request, session.build(request))

    def test_source_limits(self) -> None:
        with self.session(source_limits={'object_bytes': 1}) as session:
            with self.assertRaises(trustbuild.Error) as caught:
                session.build(self.request())
            self.assertEqual(caught.exception.check, 'source.limit')
        for limits, cls in (({'none': 1}, errors.NotFoundError),
                            ({'files': 0}, errors.InvalidError)):
            with self.assertRaises(cls):
                self.session(source_limits=limits)

    def test_stream(self) -> None:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        async def main() -> list[trustbuild.Event]:
            ticking = asyncio.create_task(tick())
            async with self.session() as session:
                events = [event async for event in session.stream(self.request())]
            ticking.cancel()
            return events

        events = asyncio.run(main())
        self.assertEqual(sum(e.bundle is not None for e in events), 1)
        self.assertGreater(ticks, 5)

    def test_build_async(self) -> None:
        async def main() -> None:
            request = self.request()
            async with self.session() as session:
                self.check(request, await session.build_async(request))

        asyncio.run(main())

    def test_task_that_is_canceled(self) -> None:
        async def work(session: trustbuild.Session) -> None:
            async with session:
                async for event in session.stream(self.request('slow')):
                    if event.state == 'BUILDING':
                        building.set()

        async def main() -> None:
            task = asyncio.create_task(work(session))
            await building.wait()
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        session = self.session()
        building = asyncio.Event()
        asyncio.run(main())
        self.assertTrue(session.closed)
        self.assertEqual(os.listdir(self.out), [])

    def test_cancel_from_another_thread(self) -> None:
        with self.request('slow') as request, self.session() as session:
            with self.assertRaises(errors.CanceledError):
                for event in session.run(request):
                    if event.state == 'BUILDING':
                        threading.Timer(0.2, session.cancel).start()
            with self.assertRaises(errors.StateError):
                session.next_event()
        self.assertEqual(os.listdir(self.out), [])

    def test_close_from_another_thread(self) -> None:
        with self.request('slow') as request, self.session() as session:
            with self.assertRaises((errors.CanceledError, ValueError)):
                for event in session.run(request):
                    if event.state == 'BUILDING':
                        threading.Timer(0.2, session.close).start()

    def test_interrupt(self) -> None:
        # What Ctrl-C does while the main thread waits for a whole build.
        with self.request('slow') as request, self.session() as session:
            timer = threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            with self.assertRaises(KeyboardInterrupt):
                session.build(request)
            timer.join()

    def test_timeout(self) -> None:
        with self.request('slow') as request, self.session(timeout=2) as session:
            with self.assertRaises(TimeoutError) as caught:
                session.build(request)
        self.assertIsInstance(caught.exception, errors.TimedOutError)

    def test_build_that_fails(self) -> None:
        with self.request('broken') as request, self.session() as session:
            with self.assertRaises(errors.BuildError) as caught:
                session.build(request)
        self.assertEqual(os.listdir(self.out), [])
        self.assertEqual(caught.exception.name, 'TRB_E_BUILD')

    def test_a_name_that_is_none(self) -> None:
        with self.assertRaises(errors.NotFoundError):
            self.request('none')


def good_image() -> pathlib.Path:
    """The newest form of image among the vectors."""
    entries = json.loads((VECTORS / 'eif/manifest.json').read_bytes())['vectors']
    good = [e for e in entries if e['expect'] == 'ok']
    return VECTORS / max(good, key=lambda e: (e['version'], 'PCR8' in e['pcrs']))['file']


class Images(Folder):
    @with_vectors
    def test_vectors(self) -> None:
        entries = json.loads((VECTORS / 'eif/manifest.json').read_bytes())['vectors']
        good = [e for e in entries if e['expect'] == 'ok']
        self.assertTrue(good)
        for entry in good:
            with self.subTest(entry['file']), trustbuild.Eif(VECTORS / entry['file']) as image:
                measured = {f'PCR{i}': value.hex() for i, value in image.pcrs.items()}
                self.assertEqual(measured, measured | entry['pcrs'])
                told = image.measurements()
                self.assertEqual(told, told | measured)
                self.assertEqual(image.version, entry['version'])
                self.assertEqual(sum(s.type is trustbuild.SectionType.KERNEL
                                     for s in image.sections), 1)
        for entry in entries:
            if entry['expect'] != 'ok':
                with self.subTest(entry['file']), self.assertRaises(trustbuild.Error):
                    trustbuild.Eif(VECTORS / entry['file'])

    @with_vectors
    def test_every_form_of_input(self) -> None:
        path = good_image()
        wanted = trustbuild.Eif(path)
        self.assertIn(wanted.architecture, ('x86_64', 'aarch64'))
        self.assertIn(wanted.pcrs[0].hex(), repr(wanted))
        self.assertTrue(wanted.describe())
        with open(path, 'rb') as file:
            self.assertEqual(trustbuild.Eif(file).pcrs, wanted.pcrs)
        for data in (path.read_bytes(), bytearray(path.read_bytes())):
            self.assertEqual(trustbuild.Eif(data).pcrs, wanted.pcrs)
        with self.assertRaises(errors.FormatError):
            trustbuild.Eif(b'no image')
        with self.assertRaises(FileNotFoundError):
            trustbuild.Eif(self.dir / 'none')

    def builder(self, **more: object) -> trustbuild.ImageBuilder:
        for name in ('kernel', 'ramdisk'):
            (self.dir / name).write_bytes(name.encode() * 100)
        return trustbuild.ImageBuilder(self.context, out=self.dir / 'made.eif',
                                       kernel=self.dir / 'kernel', ramdisks=self.dir / 'ramdisk',
                                       epoch=1, **more)

    def test_build(self) -> None:
        builder = self.builder(cmdline='quiet', name='made')
        self.assertEqual(builder.path, str(self.dir / 'made.eif'))
        image = builder.build()
        self.assertEqual(image.cmdline, b'quiet')
        self.assertEqual(image.pcrs, trustbuild.Eif(self.dir / 'made.eif').pcrs)
        with locked_for_a_while(self.dir / 'state/image/busy') as given_up:
            self.assertEqual(self.builder(cmdline='quiet', name='made').build().pcrs, image.pcrs)
            self.assertTrue(given_up.is_set())

    def test_measuring_releases_the_lock(self) -> None:
        builder = self.builder()
        os.truncate(self.dir / 'ramdisk', 300 << 20)
        self.assertGreater(ticks_during(builder.build), 4)
        path = self.dir / 'made.eif'
        # Also in the thread that calls.
        ticks = []
        thread = threading.Thread(
            target=lambda: ticks.append(ticks_during(lambda: trustbuild.Eif(path))))
        thread.start()
        thread.join()
        self.assertGreater(ticks[0], 4)

    def test_canceled(self) -> None:
        self.builder().build()
        self.context.cancel()
        with self.assertRaises(errors.CanceledError):
            trustbuild.Eif(self.dir / 'made.eif', self.context)
        self.context.uncancel()
        trustbuild.Eif(self.dir / 'made.eif', self.context)

    def test_interrupt(self) -> None:
        builder = self.builder()
        with locked_for_a_while(self.dir / 'state/image/busy', 60):
            timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            began = time.monotonic()
            with self.assertRaises(KeyboardInterrupt):
                builder.build()
            self.assertLess(time.monotonic() - began, 30)
            timer.join()

    def test_nothing_to_build_from(self) -> None:
        with self.assertRaises(errors.NotFoundError):
            trustbuild.ImageBuilder(self.context, kernel=self.dir / 'none',
                                    ramdisks=[self.dir / 'none']).build()
        with self.assertRaises(ValueError):
            trustbuild.ImageBuilder(self.context, name='a\0b')


class Logs(Minted):
    def setUp(self) -> None:
        super().setUp()
        self.backend = f'local:dir={self.dir}/log'

    def test_publish(self) -> None:
        with self.assertRaises(errors.NotFoundError):
            trustbuild.Log(self.backend, self.context)
        with trustbuild.Log.create(self.backend, self.context, origin='log.example/a') as log:
            self.assertTrue(log.vkey.startswith('log.example/a+'))
            self.assertEqual((len(log), list(log), bool(log)), (0, [], True))
            bundle = trustbuild.Bundle.load(self.bundle)
            logged = log.publish(bundle)
            self.assertEqual(logged.log_entries, bundle.log_entries + 1)
            self.assertEqual(log.publish(bundle).log_entries, bundle.log_entries + 1)
            self.assertEqual(len(log), 1)
            self.assertEqual(list(log), [log[0]])
            self.assertEqual(log[-1], log[0])
            self.assertTrue(log.checkpoint().startswith(b'log.example/a\n1\n'))
            self.assertTrue(log.proof(0).startswith(b'c2sp.org/tlog-proof@v1'))
            self.assertTrue(log.describe(0))
            for index in (1, -2):
                with self.assertRaises(IndexError):
                    log[index]
        with self.assertRaises(errors.StateError):
            trustbuild.Log.create(self.backend, self.context)

    def test_publish_releases_the_lock(self) -> None:
        with trustbuild.Log.create(self.backend, self.context) as log:
            bundle = trustbuild.Bundle.load(self.bundle)
            log.publish(bundle)
            with locked_for_a_while(self.dir / 'log/.state/lock') as given_up:
                log.publish(bundle)
                self.assertTrue(given_up.is_set())


@with_vectors
class Drafts(Folder):
    def setUp(self) -> None:
        super().setUp()
        self.image = good_image()

    def draft(self, *options: str) -> object:
        ran = subprocess.run([HOST, 'policy', 'init', '--image', self.image, *options],
                             capture_output=True, check=True)
        return json.loads(ran.stdout)

    def test_same_as_tb_host(self) -> None:
        with trustbuild.Log.create(f'local:dir={self.dir}/log', self.context) as log:
            self.assertEqual(
                trustbuild.draft_policy(self.image, repositories='https://forge.example/a',
                                        refs=['refs/heads/main', 'refs/heads/next'], logs=log),
                self.draft('--repository', 'https://forge.example/a', '--ref', 'refs/heads/main',
                           '--ref', 'refs/heads/next', '--log', f'local:dir={self.dir}/log'))
        root = self.dir / 'root.der'
        root.write_bytes(trustbuild.simulated_root(self.context))
        with trustbuild.Eif(self.image) as image:
            self.assertEqual(
                trustbuild.draft_policy(image, name='a', repositories='any', refs='any',
                                        logs='none', roots=[root], commits=COMMIT,
                                        runtimes='crun'),
                self.draft('--name', 'a', '--repository', 'any', '--ref', 'any', '--no-log',
                           '--root', str(root), '--commit', COMMIT, '--runtime', 'crun'))
        digest = hashlib.sha256(root.read_bytes()).hexdigest()
        with trustbuild.PolicyDraft() as draft:
            draft.origin('this test')
            draft.measure(self.image)
            draft.trust(root)
            draft.accept(repositories='https://forge.example/a', refs='refs/heads/main',
                         history='first-parent', redirects='https://forge.example/b',
                         recipes='source', network='forge.example:443', artifacts='a', logs='none')
            draft.limit(max_steps=3, cpus=4, memory_mib=2048, max_age=60)
            policy = json.loads(draft.to_json())
            self.assertIn('this test', draft.to_comments())
        self.assertEqual(policy['roots'], [{'simulated': digest}])
        self.assertEqual(policy['source']['history'], {'first-parent': {'max_steps': 3}})
        self.assertEqual(policy['sandbox']['machine'], {'cpus': 4, 'memory_mib': 2048})
        self.assertEqual(policy['time'], {'mode': 'live', 'max_age_s': 60})

    def test_descriptions(self) -> None:
        described = subprocess.run([HOST, 'image', 'describe', self.image],
                                   capture_output=True, check=True).stdout
        drafts = []
        for fill in (lambda draft: draft.describe(described, 'a'),
                     lambda draft: draft.measure(self.image, 'a')):
            with trustbuild.PolicyDraft() as draft:
                fill(draft)
                draft.trust('aws-nitro')
                draft.accept(repositories='any', refs='any', logs='none')
                drafts.append(draft.to_json())
        self.assertEqual(*drafts)

    def test_kinds_of_roots(self) -> None:
        with self.assertRaises(errors.PolicyError):
            trustbuild.draft_policy(self.image, repositories='any', refs='any', logs='none',
                                    roots=['aws-nitro', trustbuild.simulated_root(self.context)])

    def test_roots(self) -> None:
        for root in (VECTORS / f'nitro/aws_nitro_root_g1.{form}' for form in ('pem', 'der')):
            draft = trustbuild.draft_policy(self.image, repositories='any', refs='any',
                                            logs='none', roots=root.read_bytes())
            self.assertEqual(draft['roots'], ['aws-nitro'])

    def test_refused(self) -> None:
        with self.assertRaises(errors.PolicyError):
            trustbuild.draft_policy(self.image, repositories='ftp://a', refs='any', logs='none')
        with trustbuild.Log.create(f'local:dir={self.dir}/log', self.context) as log:
            for logs in ('none', log):
                with self.assertRaises(errors.PolicyError):
                    trustbuild.draft_policy(self.image, repositories='any', refs='any', logs=logs,
                                            quorum=1)
        with trustbuild.PolicyDraft() as draft, self.assertRaises(errors.PolicyError):
            draft.to_json()
        with self.assertRaises(errors.InvalidError):
            trustbuild.draft_policy(self.image, repositories=1, refs='any', logs='none')


if __name__ == '__main__':
    unittest.main()
