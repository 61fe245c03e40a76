# SPDX-License-Identifier: Apache-2.0
"""What several tests need.

$TRB_VERIFY is tb-verify, $TRB_HOST tb-host, $TRB_MINT mint-files, $TRB_VECTORS the vectors.  Whole
builds run where $TRB_EIF names an enclave image that trusts $TRB_CA, and $TRB_REPOSITORY a
repository, on a private address, that builds within seconds.
"""

from __future__ import annotations

import contextlib
import faulthandler
import fcntl
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from collections.abc import Callable, Iterator

import trustbuild

VERIFY = os.environ['TRB_VERIFY']
HOST = os.environ['TRB_HOST']
VECTORS = pathlib.Path(os.environ['TRB_VECTORS'])
EIF = os.environ.get('TRB_EIF', '')

# A deadlock is a failure, and says where.
faulthandler.dump_traceback_later(1800, exit=True)
# Where the shell started this in the background, it is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

COMMIT = '1f7a7a472abf3dd9643fd615f6da379c4acb3e3a'
with_vectors = unittest.skipUnless(VECTORS.is_dir(), 'LEFT OUT: no vectors in $TRB_VECTORS')
with_enclave = unittest.skipUnless(EIF, 'LEFT OUT: whole builds: no $TRB_EIF')


class Folder(unittest.TestCase):
    """With a folder of its own, and a context that keeps its state there."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.context = trustbuild.Context(state_dir=self.dir / 'state')


class Minted(Folder):
    """With a minted artifact, its bundle and its policy, too."""

    def setUp(self) -> None:
        super().setUp()
        subprocess.run([os.environ['TRB_MINT'], self.dir], check=True)
        self.artifact = self.dir / 'tb-widget'
        self.bundle = self.dir / 'tb-widget.bundle.json'
        self.policy = self.dir / 'policy.json'

    def verify(self, **more: object) -> trustbuild.Claims:
        return trustbuild.verify(self.artifact, bundle=self.bundle, policy=self.policy, **more)


def ticks_during(work: Callable[[], object]) -> int:
    """How often another thread was woken while work was done, which takes a tenth of a second or
    more.  Were the interpreter's lock held, it could be once on either side."""
    ticks, done = 0, False

    def tick() -> None:
        nonlocal ticks
        while not done:
            time.sleep(0.001)
            ticks += 1

    thread = threading.Thread(target=tick)
    thread.start()
    before = ticks
    try:
        work()
        return ticks - before
    finally:
        done = True
        thread.join()


@contextlib.contextmanager
def locked_for_a_while(path: pathlib.Path, seconds: float = 0.3) -> Iterator[threading.Event]:
    """Another thread holds a lock on path, and gives it up after a while: a call that waits for it
    with the interpreter's lock held would wait for ever.  The event is set when it was given up."""
    given_up = threading.Event()
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDONLY | (0 if path.is_dir() else os.O_CREAT), 0o600)

    def give_up() -> None:
        given_up.set()
        os.close(fd)

    fcntl.flock(fd, fcntl.LOCK_EX)
    timer = threading.Timer(seconds, give_up)
    timer.start()
    try:
        yield given_up
    finally:
        timer.cancel()
        timer.join()
        if not given_up.is_set():
            os.close(fd)
