# SPDX-License-Identifier: Apache-2.0
"""Everything between the name of a commit and files in a directory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from ._bundle import Bundle
from ._core import (Buffer, Bytes, Context, Path, c_path, c_text, call, directory, interruptible,
                    some, text, time_limit)
from ._events import Event, Eventful, in_thread
from ._log import Log
from ._native import ffi, lib
from ._request import Request
from ._session import Session
from .errors import InvalidError


class Step(IntEnum):
    """The step of a job that comes next."""

    RESOLVE = lib.TRB_JOB_RESOLVE
    BUILD = lib.TRB_JOB_BUILD
    PUBLISH = lib.TRB_JOB_PUBLISH
    PLACE = lib.TRB_JOB_PLACE
    DONE = lib.TRB_JOB_DONE
    FAILED = lib.TRB_JOB_FAILED


@dataclass(frozen=True)
class JobFile:
    """A file that a job made: the ``name`` that was attested, or that a command for after the
    attestation gave it; the ``path`` beneath the output directory; its ``size`` in bytes."""

    name: str
    path: str
    size: int
    attested: bool


class Job(Eventful):
    """Resolving, building, publishing and placing, each step repeatable after a failure::

        with Session.process('builder.eif') as session, \\
                Job(session, 'out', 'https://forge.example/app', 'main', log=log) as job:
            job.run()

    At the end of the build, bundle and files are on disk, under no names yet; after ``PUBLISH`` the
    bundle is in the log; ``PLACE`` gives all of them their names in the directory ``output``, or
    none.  What is saved outlives the process: ``Job.resume('out')`` goes on with it.

    What is built is a ``repository`` with the ``name`` of a commit, or a ``ref``, as of
    Request.resolve(), or a ``request``.  ``session`` must not run yet, and is the job's from now
    on.  ``credential`` is a token for the repository, ``timeout`` in seconds ends resolving and
    building.  Without a ``log`` nothing is published.  ``replace`` lets files of the same names be
    replaced.

    Between saving and publishing is the place to look at what was made::

        job.run(Step.PUBLISH)
        if welcome(job.bundle):
            job.run()
        else:
            job.drop()
    """

    _next = staticmethod(lib.trb_job_next_event)
    _fd = staticmethod(lib.trb_job_get_fd)
    _cancel = staticmethod(lib.trb_job_cancel)
    _session: Session | None = None
    _log: Log | None = None

    def __init__(self, session: Session, output: Path, repository: str | None = None,
                 name: str | None = None, *, ref: str | None = None, ca_file: Path | None = None,
                 request: Request | None = None, credential: Buffer | None = None,
                 timeout: float | None = None, log: Log | None = None,
                 replace: bool = False) -> None:
        if (request is None) == (repository is None):
            raise InvalidError('a job is for a repository, or for a request')
        if request is not None and not name is ref is ca_file is None:
            raise InvalidError('a request has a commit already')
        slot = ffi.new('trb_job **')
        with directory(output) as fd:
            call(lib.trb_job_new, session._c, fd, slot)
        super().__init__(slot[0], lib.trb_job_unref, session._context)
        self._session = session
        self._turn = session._turn
        try:
            if request is not None:
                call(lib.trb_job_set_request, self._c, request._c)
            else:
                call(lib.trb_job_set_name, self._c, c_text(repository), c_text(name), c_text(ref),
                     c_path(ca_file))
            self._set(credential, timeout, log, replace)
        except BaseException:
            self.close()
            raise

    def _set(self, credential: Buffer | None, timeout: float | None, log: Log | None,
             replace: bool) -> None:
        if credential is not None:
            with Bytes(credential) as view:
                call(lib.trb_job_set_credential, self._c, view)
        if timeout is not None:
            call(lib.trb_job_set_timeout, self._c, time_limit(timeout))
        if log is not None:
            self.set_log(log)
        if replace:
            self.set_replace(True)

    @classmethod
    def resume(cls, output: Path, context: Context | None = None, *, log: Log | None = None,
               replace: bool = False) -> Job:
        """Takes over the job that a process saved in this directory and did not finish: it goes on
        with publishing.  NotFoundError where there is none, StateError where a living process has
        it."""
        slot = ffi.new('trb_job **')
        working_for = context or Context()
        with directory(output) as fd:
            call(lib.trb_job_resume, working_for._c, fd, slot)
        job = cls.__new__(cls)
        Eventful.__init__(job, slot[0], lib.trb_job_unref, working_for)
        try:
            job._set(None, None, log, replace)
        except BaseException:
            job.close()
            raise
        return job

    def set_log(self, log: Log | None) -> None:
        """The log to publish in, None for none; until it is published.  Where publishing fails, the
        job can go on without a log."""
        with self._turn:
            call(lib.trb_job_set_log, self._c, ffi.NULL if log is None else log._c)
        self._log = log  # which has the sink that the library calls

    def set_replace(self, replace: bool) -> None:
        """Whether files of the same names may be replaced; until all have their names."""
        with self._turn:
            call(lib.trb_job_set_replace, self._c, replace)

    def run(self, until: Step = Step.DONE) -> None:
        """Does one step after the other until ``until`` comes next; progress goes to the context's
        log.  Ctrl-C cancels; what is saved stays."""
        def work() -> None:
            with self._turn:
                call(lib.trb_job_run, self._c, until)

        interruptible(work, self._context, self.cancel)

    async def run_async(self, until: Step = Step.DONE) -> None:
        """run(), while the event loop goes on."""
        try:
            await in_thread(self.run, until)
        except BaseException:
            self.cancel()
            raise

    def stream(self) -> AsyncIterator[Event]:
        """The events as they happen, for ``async for``; the event loop goes on while there is
        none."""
        return self._stream()

    def drop(self) -> None:
        """Removes what the job has saved; a job that is done keeps its files."""
        with self._turn:
            call(lib.trb_job_drop, self._c)

    @property
    def step(self) -> Step:
        """The step that comes next."""
        return Step(lib.trb_job_get_step(self._c))

    @property
    def request(self) -> Request | None:
        """What is built; None before it is resolved, and in a resumed job."""
        pointer = lib.trb_job_get_request(self._c)
        return None if pointer == ffi.NULL else Request._adopt(lib.trb_request_ref(pointer))

    @property
    def bundle(self) -> Bundle | None:
        """The evidence; None before the build's end."""
        pointer = lib.trb_job_get_bundle(self._c)
        return None if pointer == ffi.NULL else Bundle._adopt(lib.trb_bundle_ref(pointer))

    @property
    def bundle_path(self) -> str | None:
        """Where the bundle goes beneath the output directory; None before the build's end."""
        return text(lib.trb_job_get_bundle_path(self._c))

    @property
    def files(self) -> Sequence[JobFile]:
        """What was made; empty before the build's end."""
        return tuple(self._file(i) for i in range(lib.trb_job_count_files(self._c)))

    def _file(self, index: int) -> JobFile:
        return JobFile(name=some(lib.trb_job_get_file_name(self._c, index)),
                       path=some(lib.trb_job_get_file_path(self._c, index)),
                       size=int(lib.trb_job_get_file_size(self._c, index)),
                       attested=bool(lib.trb_job_is_file_attested(self._c, index)))

    def _end(self) -> None:
        if self._session is not None:
            self._session.close()

    def _tells(self) -> str:
        return self.step.name
