# SPDX-License-Identifier: Apache-2.0
"""What an enclave of one's own needs: sources, sandboxed builds, serving."""

from __future__ import annotations

import glob
import json
import os
import socket
import time
import unittest

import trustbuild
from support import Folder, with_enclave
from trustbuild import enclave, errors

RECIPE = json.dumps({
    'recipe': 1,
    'commands': [['sh', '-c', 'cat greeting >out; echo said; echo and here >&2']],
    'artifacts': ['out'],
    'limits': {'memory_mib': 512, 'pids': 64, 'wall_s': 60, 'disk_mib': 64, 'output_mib': 1},
}).encode()


class Sources(Folder):
    def source(self, url: str, **more: object) -> enclave.Source:
        request = trustbuild.Request(url, 'a' * 40)
        (self.dir / 'work').mkdir()
        return enclave.Source(request, self.dir / 'work', self.context, **more)

    def test_nobody_answers(self) -> None:
        with socket.create_server(('127.0.0.1', 0)) as server:
            url = f'https://127.0.0.1:{server.getsockname()[1]}/widget'
            with self.source(url, limits={'wall_s': 60}, token=b'secret') as source:
                with self.assertRaises(errors.StateError):
                    source.fileno()
                source.start()
                self.assertFalse(source.step())
                self.assertGreaterEqual(source.fileno(), 0)
                with self.assertRaises(TimeoutError):
                    source.wait(0.2)
                self.assertEqual((source.commit, source.path, source.recipe), (None, None, None))
                self.assertEqual((source.submodules, source.digest, source.files), ((), b'', 0))
                with self.assertRaises(errors.StateError):
                    source.open_tree()

    def test_limits(self) -> None:
        with self.assertRaises(errors.NotFoundError):
            self.source('https://forge.example/widget', limits={'none': 1})

    @with_enclave
    def test_fetch(self) -> None:
        url, ca_file = os.environ['TRB_REPOSITORY'], os.environ['TRB_CA']
        request = trustbuild.Request.resolve(url, 'main', ca_file=ca_file, context=self.context)
        with enclave.Source(request, self.dir, self.context, ca_file=ca_file) as source:
            source.start()
            source.wait(60)
            self.assertEqual((source.commit, source.tip), (request.commit, request.commit))
            self.assertEqual(len(source.digest), 32)
            self.assertIn(b'"hello"', source.recipe)
            path = source.path
            self.assertEqual(source.files, len(os.listdir(path)))
            tree = source.open_tree()
            self.assertEqual(os.stat('trustbuild.json', dir_fd=tree).st_size, len(source.recipe))
            os.close(tree)
            self.assertGreater(source.time, 1_000_000_000)
            self.assertGreater(source.size, 0)
        self.assertFalse(os.path.exists(path))


def cached(pattern: str) -> str | None:
    found = glob.glob(os.path.join(trustbuild.Context().state_dir, 'image', pattern))
    return found[0] if found else None


@with_enclave
class SandboxBuilds(Folder):
    def setUp(self) -> None:
        super().setUp()
        libexec = self.dir / 'libexec'
        libexec.mkdir()
        for name in os.listdir(self.context.libexec_dir):
            os.symlink(os.path.join(self.context.libexec_dir, name), libexec / name)
        os.symlink(cached('runsc-*/runsc'), libexec / 'runsc')
        self.context = trustbuild.Context(libexec_dir=libexec)
        self.tree = self.dir / 'tree'
        self.tree.mkdir()
        (self.tree / 'greeting').write_text('hello\n')
        (self.dir / 'work').mkdir()

    def build(self, **more: object) -> enclave.SandboxBuild:
        return enclave.SandboxBuild(RECIPE, cached('rootfs-*/rootfs.erofs'), self.dir / 'work',
                                    self.context, **more)

    def test_build(self) -> None:
        said = []
        with self.build(output=lambda *chunk: said.append(chunk), hide='/dev/nsm') as build:
            self.assertEqual(build.runtime, 'runsc')
            self.assertIn('ociVersion', json.loads(build.spec))
            self.assertEqual(build.limits['memory_mib'], 512)
            self.assertFalse(build.has_after)
            build.start(self.tree, 'a' * 40, 1)
            build.wait(120)
            file, = build.files
            self.assertEqual((file.name, file.size, file.read()), ('out', 6, b'hello\n'))
        by = {stream: b''.join(c for s, c in said if s is stream)
              for stream in enclave.OutputStream}
        self.assertEqual(by[enclave.OutputStream.STDOUT], b'said\n')
        self.assertEqual(by[enclave.OutputStream.STDERR], b'and here\n')

    def test_sink_that_raises(self) -> None:
        with self.build(output=lambda stream, chunk: 1 // 0) as build:
            build.start(self.tree, 'a' * 40, 1)
            with self.assertRaises(ZeroDivisionError):
                build.wait(120)


class Serving(Folder):
    def test_conf(self) -> None:
        with self.assertRaises(errors.InvalidError):
            enclave.serve('none=1', self.context)

    def test_no_host(self) -> None:
        began = time.monotonic()
        with self.assertRaises(trustbuild.Error):
            enclave.serve(f'transport=unix:{self.dir},work={self.dir}/work,nsm=softnsm',
                          self.context)
        self.assertLess(time.monotonic() - began, 60)


if __name__ == '__main__':
    unittest.main()
