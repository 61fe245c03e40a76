# SPDX-License-Identifier: Apache-2.0
"""Jobs: what is saved before it is published, and goes on after a failure."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import signal
import threading

import trustbuild
from support import COMMIT, EIF, Folder, with_enclave
from trustbuild import EventType, Job, Step, errors

REPOSITORY = os.environ.get('TRB_REPOSITORY', '')
CA = os.environ.get('TRB_CA', '')


class Arguments(Folder):
    def setUp(self) -> None:
        super().setUp()
        self.out = self.dir / 'out'
        self.out.mkdir()
        self.request = trustbuild.Request('https://forge.example/app', COMMIT)

    def session(self) -> trustbuild.Session:
        session = trustbuild.Session.process('/none', self.context)
        self.addCleanup(session.close)
        return session

    def test_what_to_build(self) -> None:
        for more in ({}, {'repository': 'https://forge.example/app', 'request': self.request},
                     {'request': self.request, 'name': 'main'},
                     {'request': self.request, 'timeout': 0},
                     {'request': self.request, 'timeout': float('nan')},
                     {'request': self.request, 'credential': b''}):
            with self.subTest(more=more), self.assertRaises(errors.InvalidError):
                Job(self.session(), self.out, **more)
        for output in (self.dir / 'none', CA or __file__):
            with self.assertRaises(OSError):
                Job(self.session(), output, request=self.request)
        with self.assertRaises(TypeError):
            Job(self.session(), 5, request=self.request)
        with Job(self.session(), self.out, request=self.request, timeout=1.5) as job:
            self.assertEqual((job.step, job.files, job.bundle, job.bundle_path),
                             (Step.RESOLVE, (), None, None))
            self.assertIn('RESOLVE', repr(job))
        self.assertTrue(job.closed)

    def test_nothing_to_resume(self) -> None:
        with self.assertRaises(errors.NotFoundError):
            Job.resume(self.out, self.context)

    def test_build_that_cannot_start(self) -> None:
        with Job(self.session(), self.out, request=self.request) as job:
            with self.assertRaises(errors.NotFoundError):
                job.run()
            self.assertIs(job.step, Step.FAILED)
            with self.assertRaises(errors.StateError):
                job.run()
        self.assertEqual(os.listdir(self.out), [])

    def test_unclosed(self) -> None:
        with self.assertWarns(ResourceWarning):
            Job(self.session(), self.out, request=self.request)


@with_enclave
class Jobs(Folder):
    def setUp(self) -> None:
        super().setUp()
        self.lines: list[str] = []
        # images were unpacked in the default state directory
        self.context = trustbuild.Context(log=lambda level, line: self.lines.append(line))
        self.out = self.dir / 'out'
        self.out.mkdir()
        self.log = trustbuild.Log.create(f'local:dir={self.dir}/log', self.context)

    def session(self) -> trustbuild.Session:
        session = trustbuild.Session.process(pathlib.Path(EIF), self.context,
                                             allow_private='localhost')
        self.addCleanup(session.close)
        return session

    def job(self, name: str = 'main', **more: object) -> Job:
        return Job(self.session(), self.out, REPOSITORY, name, ca_file=CA,
                   **{'log': self.log, **more})

    def check(self, job: Job) -> trustbuild.Claims:
        policy = trustbuild.draft_policy(EIF, repositories=REPOSITORY, refs='refs/heads/main',
                                         logs=self.log,
                                         roots=trustbuild.simulated_root(self.context))
        return trustbuild.verify(self.out / 'hello', bundle=self.out / job.bundle_path,
                                 policy=json.dumps(policy).encode())

    def test_saved_before_it_is_published(self) -> None:
        with self.job() as job:
            self.assertIs(job.step, Step.RESOLVE)
            job.run(Step.PUBLISH)
            self.assertEqual((len(self.log), job.bundle.log_entries), (0, 0))
            self.assertEqual(len(os.listdir(self.out)), 1)
            self.assertTrue(os.listdir(self.out)[0].startswith('.trustbuild-job-'))
            self.assertEqual([(f.name, f.path, f.attested) for f in job.files],
                             [('hello', 'hello', True)])
            job.run()
            self.assertIs(job.step, Step.DONE)
            self.assertEqual((len(self.log), job.bundle.log_entries), (1, 1))
            self.assertEqual(sorted(os.listdir(self.out)), ['hello', 'hello.bundle.json'])
            self.assertEqual(self.check(job).commit, job.request.commit)
            self.assertEqual(job.files[0].size, (self.out / 'hello').stat().st_size)
        with self.job() as job, self.assertRaises(errors.StateError):
            job.run()  # there is a file of that name
        with Job.resume(self.out, self.context, replace=True) as job:
            job.run()

    def test_events(self) -> None:
        with self.job(log=None) as job:
            steps = [e.state for e in job if e.type is EventType.STEP]
            self.assertEqual(steps, ['RESOLVED', 'SAVED', 'PLACED'])

    def test_refused_by_the_caller(self) -> None:
        with self.job() as job:
            job.run(Step.PUBLISH)
            job.drop()
        self.assertEqual((len(self.log), os.listdir(self.out)), (0, []))

    def test_resumed(self) -> None:
        with self.job() as job:
            job.run(Step.PUBLISH)
            with self.assertRaises(errors.StateError):
                Job.resume(self.out, self.context)  # it lives
        with Job.resume(self.out, self.context, log=self.log) as job:
            self.assertIs(job.step, Step.PUBLISH)
            job.run()
            self.check(job)

    def test_a_log_that_fails(self) -> None:
        with self.job() as job:
            job.run(Step.PUBLISH)
            checkpoint = self.dir / 'log/checkpoint'
            kept = checkpoint.read_bytes()
            checkpoint.write_bytes(b'damaged')
            with self.assertRaises(trustbuild.Error):
                job.run()
            self.assertIs(job.step, Step.PUBLISH)
            checkpoint.write_bytes(kept)
            job.run()
            self.check(job)

    def test_canceled(self) -> None:
        with self.job('slow') as job:
            with self.assertRaises(errors.CanceledError):
                for event in job:
                    if event.state == 'BUILDING':
                        threading.Timer(0.2, job.cancel).start()
        self.assertEqual(os.listdir(self.out), [])
        with self.job('slow') as job:
            threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
            with self.assertRaises(KeyboardInterrupt):
                job.run()

    def test_async(self) -> None:
        async def main() -> list[trustbuild.Event]:
            async with self.job() as job:
                events = [event async for event in job.stream()]
                self.check(job)
            return events

        events = asyncio.run(main())
        self.assertEqual(events[-1].state, 'PLACED')
