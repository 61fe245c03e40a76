# SPDX-License-Identifier: Apache-2.0
"""Between Python's objects and C's: handles, bytes, errors, the context."""

from __future__ import annotations

import array
import io
import logging
import math
import mmap
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, BinaryIO, TypeVar, Union

from ._native import ffi, lib
from .errors import Error, InvalidError, IOFailedError, error_class

# Content: what memoryview() takes, and a file in memory.
Buffer = Union[bytes, bytearray, memoryview, mmap.mmap, 'array.array[Any]', io.BytesIO]
Path = Union[str, 'os.PathLike[str]', 'os.PathLike[bytes]']
# A file that is read: a path, or its content.
Content = Union[Path, Buffer]
# A time: an aware datetime, or seconds since 1970.
When = Union[datetime, float]

PCRS = 32

_Self = TypeVar('_Self', bound='Handle')
_T = TypeVar('_T')
_log = logging.getLogger('trustbuild')


def text(pointer: Any) -> str | None:
    """A C string; outside bytes that are no UTF-8 become surrogates."""
    if pointer == ffi.NULL:
        return None
    return str(ffi.string(pointer).decode('utf-8', 'surrogateescape'))


def some(pointer: Any) -> str:
    """A C string that is always there."""
    return text(pointer) or ''


def octets(view: Any) -> bytes:
    """A copy of a view."""
    return bytes(ffi.buffer(view.ptr, view.len)) if view.len else b''


def optional_octets(view: Any) -> bytes | None:
    """A copy of a view, None where its field is absent."""
    return None if view.ptr == ffi.NULL else octets(view)


def pcrs(getter: Any, of: Any) -> dict[int, bytes]:
    """The PCRs that are there."""
    found = ((i, octets(getter(of, i))) for i in range(PCRS))
    return {i: value for i, value in found if value}


def take_blob(blob: Any) -> bytes:
    """The bytes of a blob that the caller owns, which is dropped."""
    try:
        return octets(lib.trb_blob_bytes(blob))
    finally:
        lib.trb_blob_unref(blob)


def blob_of(function: Any, *args: Any) -> bytes:
    """The bytes of the blob that a function gives."""
    slot = ffi.new('trb_blob **')
    call(function, *args, slot)
    return take_blob(slot[0])


def c_text(value: str | None) -> Any:
    """A C string for the duration of a call."""
    if value is None:
        return ffi.NULL
    return _c_string(value.encode('utf-8', 'surrogateescape'))


def c_path(path: Path | None) -> Any:
    """A path as C takes it."""
    if path is None:
        return ffi.NULL
    return _c_string(os.fsencode(path))


def _c_string(encoded: bytes) -> Any:
    # C ends a text at its NUL, and what stands behind it would be dropped without a word.
    if b'\0' in encoded:
        raise ValueError('embedded null byte')
    return ffi.new('char[]', encoded)


def buffer_of(source: Any) -> memoryview | None:
    """The bytes of what is content, all of them and in their order; None for anything else."""
    if isinstance(source, io.BytesIO):
        source = source.getbuffer()
    try:
        view = memoryview(source)
    except TypeError:
        return None
    return view if view.c_contiguous else memoryview(view.tobytes())


class Bytes:
    """A view of a Python buffer, which stays locked as long as this is held."""

    def __init__(self, data: Buffer) -> None:
        view = buffer_of(data)
        if view is None:
            raise TypeError(f'bytes are needed, not {type(data).__name__}')
        self._keep = ffi.from_buffer('uint8_t[]', view)
        self.view = ffi.new('trb_bytes *')
        self.view.len = view.nbytes
        if view.nbytes:
            self.view.ptr = self._keep

    def __enter__(self) -> Any:
        return self.view[0]

    def __exit__(self, *_: object) -> None:
        ffi.release(self._keep)


def read(source: Content, limit: int) -> bytes | memoryview:
    """The content; of a path, the file's first ``limit`` bytes."""
    content = buffer_of(source)
    if content is not None:
        return content
    with open(_open(source), 'rb') as file:
        return file.read(limit)


def _open(path: Any) -> int:
    """A descriptor of the regular file that path names.  A number names none: it would be a
    descriptor of the caller's.  Opening a pipe would wait, and a device may never end."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    name = os.fspath(path)
    fd = os.open(name, flags)
    try:
        _regular(fd, name)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _regular(fd: int, name: Any) -> None:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise IOFailedError(f'{name!r} is not a regular file')


@contextmanager
def file_of(source: Content | BinaryIO) -> Iterator[int]:
    """A descriptor of the regular file that source is, names, or (as content) fills."""
    content = buffer_of(source)
    if content is None and hasattr(source, 'fileno'):
        fd = _descriptor(source)
        _regular(fd, getattr(source, 'name', 'the file'))
        yield fd
        return
    if content is None:
        fd = _open(source)
    else:
        fd = os.memfd_create('trustbuild', os.MFD_CLOEXEC)
    try:
        if content is not None:
            with open(fd, 'wb', closefd=False) as file:
                file.write(content)
        yield fd
    finally:
        os.close(fd)


def _descriptor(file: Any) -> int:
    try:
        return int(file.fileno())
    except io.UnsupportedOperation as why:
        raise TypeError(f'a {type(file).__name__} has no file: give a path, an open file, or the '
                        'content') from why


@contextmanager
def directory(path: Path) -> Iterator[int]:
    """A descriptor of a directory, for the time of a call."""
    fd = os.open(os.fspath(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def time_limit(timeout: float) -> int:
    """A time limit as C has it, in whole seconds, rounded up."""
    if not 0 < timeout <= 0xffffffff:
        raise InvalidError(f'no time limit: {timeout!r}')
    return math.ceil(timeout)


def seconds(when: When | None, name: str) -> int:
    """A time as C has it, in whole seconds since 1970; by default now.  ``name`` is the argument
    that it is."""
    if when is None:
        return int(time.time())
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise InvalidError(f'{name}= is a datetime without a time zone')
        when = when.timestamp()
    if isinstance(when, bool) or not isinstance(when, (int, float)):
        raise TypeError(f'{name}= is a datetime or seconds since 1970, not {type(when).__name__}')
    if not math.isfinite(when) or not 0 < when < 1 << 63:
        raise InvalidError(f'{name}= is no time since 1970: {when!r}')
    return int(when)


def whole_seconds(value: float | timedelta, name: str) -> int:
    """A length of time as C has it, in whole seconds; ``name`` is the argument that it is."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f'{name}= is seconds or a timedelta, not {type(value).__name__}')
    if not 0 <= value < 1 << 63:
        raise InvalidError(f'{name}= is no length of time: {value!r}')
    return int(value)


def make_error(error: Any, code: int, report: Any = None) -> Error:
    """The exception of a trb_error, with its causes."""
    if error == ffi.NULL:
        return error_class(code)(some(lib.trb_status_name(code)), code=code, report=report)
    below = lib.trb_error_cause(error)
    cause = make_error(below, lib.trb_error_code(below)) if below != ffi.NULL else None
    cls = error_class(code, bool(lib.trb_error_is_verdict(error)))
    return cls(some(lib.trb_error_message(error)), code=code, report=report,
               check=text(lib.trb_error_check(error)), cause=cause,
               errno=int(lib.trb_error_errno(error)) or None)


def call(function: Any, *args: Any) -> None:
    """Calls what takes a trb_error ** last; raises where it fails."""
    code, error = attempt(function, *args)
    if code < 0:
        raise make_error(error, code)


def attempt(function: Any, *args: Any) -> tuple[int, Any]:
    """The same without raising: the status and the error, which is dropped with its last name."""
    slot = ffi.new('trb_error **')
    code = function(*args, slot)
    return code, ffi.gc(slot[0], lib.trb_error_unref) if slot[0] != ffi.NULL else ffi.NULL


class Handle:
    """A reference to an object of the library; closed by close(), by ``with``, or when it is
    collected."""

    _pointer: Any = None
    _unref: Any = None  # what drops a reference, for _adopt()

    def __init__(self, pointer: Any, unref: Any) -> None:
        self._pointer = ffi.gc(pointer, unref)

    @classmethod
    def _adopt(cls: type[_Self], pointer: Any) -> _Self:
        """A handle of what the library gave, which is not made by its constructor."""
        handle = cls.__new__(cls)
        Handle.__init__(handle, pointer, cls._unref)
        return handle

    @property
    def _c(self) -> Any:
        if self._pointer is None:
            raise ValueError(f'this {type(self).__name__} is closed')
        return self._pointer

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._pointer is None

    def close(self) -> None:
        """Drops the reference.  What other threads are doing with the object goes on: they hold it
        until their calls return."""
        self._pointer = None

    def _tells(self) -> str:
        """What repr() shows."""
        return ''

    def __repr__(self) -> str:
        inside = 'closed' if self.closed else self._tells()
        return f'<{type(self).__module__.partition(".")[0]}.{type(self).__name__}' + (
            f' {inside}>' if inside else '>')

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


# What Context's log may be.
LogSink = Union[Callable[[int, str], None], logging.Logger]

_LEVELS = {lib.TRB_LOG_DEBUG: logging.DEBUG, lib.TRB_LOG_INFO: logging.INFO,
           lib.TRB_LOG_NOTICE: logging.INFO}


def trustbuild_python_log(level: int, line: Any, user: Any) -> None:
    """What C calls, on the thread that made the call; an exception of the sink changes nothing."""
    sink = ffi.from_handle(user)
    try:
        if isinstance(sink, logging.Logger):
            sink.log(_LEVELS.get(level, logging.INFO), '%s', escape(some(line)))
        else:
            sink(level, some(line))
    except Exception:
        _log.exception('the log sink failed')


ffi.def_extern()(trustbuild_python_log)


# Programs that a package built from a checkout brings along.
BUNDLED = os.path.join(os.path.dirname(__file__), 'libexec')


class Context(Handle):
    """Where progress goes, where keys and caches are, where helper programs are.

    ``log`` is a logging.Logger, or is called with the level (``LOG_DEBUG``, ``LOG_INFO``,
    ``LOG_NOTICE``) and a line, which may carry outside text (a Logger gets it escaped).  It is
    called while a call of yours is working, on the thread that works, which may be another.

    ``state_dir`` is where keys, caches and logs are kept: by default ``$TRUSTBUILD_STATE``, else
    ``trustbuild`` in the user's state directory.  ``libexec_dir`` has the helper programs: by
    default ``$TRUSTBUILD_LIBEXEC``, else those of this package, else of the installed library.
    Both are absolute.
    """

    _canceled = False

    def __init__(self, *, log: LogSink | None = None, state_dir: Path | None = None,
                 libexec_dir: Path | None = None) -> None:
        slot = ffi.new('trb_context **')
        call(lib.trb_context_new, slot)
        super().__init__(slot[0], lib.trb_context_unref)
        self._sink = ffi.NULL if log is None else ffi.new_handle(log)
        if log is not None:
            lib.trb_context_set_log_sink(self._c, lib.trustbuild_python_log, self._sink)
        if state_dir is not None:
            call(lib.trb_context_set_state_dir, self._c, c_path(state_dir))
        if libexec_dir is None:
            bundled = BUNDLED if os.path.isdir(BUNDLED) else None
            libexec_dir = os.environ.get('TRUSTBUILD_LIBEXEC') or bundled
        if libexec_dir is not None:
            call(lib.trb_context_set_libexec_dir, self._c, c_path(libexec_dir))

    @property
    def state_dir(self) -> str | None:
        """The directory of keys, caches and logs."""
        return text(lib.trb_context_get_state_dir(self._c))

    @property
    def libexec_dir(self) -> str:
        """The directory of the helper programs."""
        return some(lib.trb_context_get_libexec_dir(self._c))

    def cancel(self) -> None:
        """Asks every call that waits or works for long with this context, or with what was made
        of it, to end soon with CanceledError, and later calls, too, until uncancel(): resolving,
        making and measuring images, the start of a session, waiting for another writer of a log.
        From any thread.  A session that runs has a cancel() of its own."""
        self._canceled = True
        lib.trb_context_set_canceled(self._c, 1)

    def uncancel(self) -> None:
        """Takes cancel() back."""
        self._canceled = False
        lib.trb_context_set_canceled(self._c, 0)

    def _tells(self) -> str:
        return f'state_dir={self.state_dir!r}'


def interruptible(work: Callable[[], _T], context: Context,
                  stop: Callable[[], None] = lambda: None) -> _T:
    """What work gives.  A signal's handler runs between two lines of Python and never inside C, so
    that the main thread has the work done by another, and ends it where the handler raises."""
    if threading.current_thread() is not threading.main_thread():
        return work()
    result: list[_T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(work())
        except BaseException as why:
            failure.append(why)

    thread = threading.Thread(target=run, name='trustbuild')
    try:
        thread.start()
        thread.join()
    except BaseException:
        if thread.ident is None:
            raise
        stop()
        lib.trb_context_set_canceled(context._c, 1)
        thread.join()
        lib.trb_context_set_canceled(context._c, context._canceled)
        raise
    if failure:
        raise failure.pop()
    return result.pop()


class Working(Handle):
    """A handle whose work tells a context about itself."""

    def __init__(self, pointer: Any, unref: Any, context: Context) -> None:
        super().__init__(pointer, unref)
        # The library holds its context; the sink is Python's, and has to stay.
        self._context = context


def version() -> str:
    """The version of the library that is loaded."""
    return some(lib.trb_version_string())


def escape(value: str | bytes) -> str:
    r"""Outside text without what could deceive a reader of a terminal.

    Control characters, line ends, combining, invisible and bidirectional ones, spaces other than
    the usual one, and bytes that are no UTF-8 become ``\x1b``, ``\u{202e}`` and the like; a
    backslash becomes two.

    >>> escape('a\x1b[2Jb')
    'a\\x1b[2Jb'
    """
    data = value if isinstance(value, bytes) else _encoded(value)
    shown = ffi.new('char[]', lib.TRB_ESCAPED_SIZE)
    parts = []
    with Bytes(data) as rest:
        while rest.len:
            n = lib.trb_escape_char(rest, shown)
            parts.append(ffi.string(shown))
            rest.ptr, rest.len = rest.ptr + n, rest.len - n
    return b''.join(parts).decode()


def _encoded(value: str) -> bytes:
    try:
        return value.encode('utf-8', 'surrogateescape')
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        return value.encode('utf-8', 'surrogatepass')


def one_or_many(value: Any) -> tuple[Any, ...]:
    """A tuple of what an argument gives: one thing, or an iterable of things."""
    if isinstance(value, (str, os.PathLike)) or buffer_of(value) is not None:
        return (value,)
    try:
        return tuple(value)
    except TypeError as why:
        raise InvalidError(f'neither one value nor several: {value!r}') from why
