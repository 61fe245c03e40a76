# SPDX-License-Identifier: Apache-2.0
"""Between Python's objects and C's: handles, bytes, errors, the context."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar, Union

from ._native import ffi, lib
from .errors import Error, error_class

# A buffer is what memoryview() takes.
Buffer = Union[bytes, bytearray, memoryview]
Path = Union[str, 'os.PathLike[str]', 'os.PathLike[bytes]']

_Self = TypeVar('_Self', bound='Handle')


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


def take_blob(blob: Any) -> bytes:
    """The bytes of a blob that the caller owns, which is dropped."""
    try:
        return octets(lib.trb_blob_bytes(blob))
    finally:
        lib.trb_blob_unref(blob)


def c_text(value: str | None) -> Any:
    """A C string for the duration of a call."""
    if value is None:
        return ffi.NULL
    encoded = value.encode('utf-8', 'surrogateescape')
    if b'\0' in encoded:
        raise ValueError('embedded null character')
    return ffi.new('char[]', encoded)


def c_path(path: Path) -> Any:
    """A path as C takes it."""
    encoded = os.fsencode(path)
    if b'\0' in encoded:
        raise ValueError('embedded null byte')
    return ffi.new('char[]', encoded)


class Bytes:
    """A view of a Python buffer, which stays locked as long as this is held."""

    def __init__(self, data: Buffer) -> None:
        view = memoryview(data)
        self._keep = ffi.from_buffer('uint8_t[]', view)
        self.view = ffi.new('trb_bytes *')
        self.view.len = view.nbytes
        if view.nbytes:
            self.view.ptr = self._keep

    def __enter__(self) -> Any:
        return self.view[0]

    def __exit__(self, *_: object) -> None:
        ffi.release(self._keep)


def make_error(error: Any, code: int, report: Any = None) -> Error:
    """The exception of a trb_error, with its causes."""
    if error == ffi.NULL:
        return error_class(code)(some(lib.trb_status_name(code)), code=code, report=report)
    below = lib.trb_error_cause(error)
    cause = make_error(below, lib.trb_error_code(below)) if below != ffi.NULL else None
    return error_class(code)(some(lib.trb_error_message(error)), code=code, report=report,
                             check=text(lib.trb_error_check(error)), cause=cause)


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

    def __init__(self, pointer: Any, unref: Any) -> None:
        self._pointer = ffi.gc(pointer, unref)

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

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


LogSink = Callable[[int, str], None]


@ffi.def_extern()  # type: ignore[untyped-decorator]
def trustbuild_python_log(level: int, line: Any, user: Any) -> None:
    """What C calls, on the thread that made the call; an exception of the sink is
    printed and changes nothing."""
    sink = ffi.from_handle(user)
    try:
        sink(level, some(line))
    except Exception as why:
        sys.excepthook(type(why), why, why.__traceback__)


class Context(Handle):
    """Log sink, state directory and helper programs.

    ``log`` gets the level (``LOG_DEBUG``, ``LOG_INFO``, ``LOG_NOTICE``) and a line of progress,
    which may carry outside text.
    """

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


def version() -> str:
    """The version of the library that is loaded."""
    return some(lib.trb_version_string())
