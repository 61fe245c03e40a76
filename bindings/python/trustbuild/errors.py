# SPDX-License-Identifier: Apache-2.0
"""One exception class for each status code of the library.

All derive from ``Error``.  Those that are a verdict (the evidence was refused, be it that it cannot
be read) derive from ``Refused``; after any other nothing was decided.  Some are also what Python
calls them: ``InvalidError``, ``FormatError`` and ``PolicyError`` are ValueErrors,
``TimedOutError`` is a TimeoutError, ``IOFailedError`` an OSError, ``NoMemoryError`` a MemoryError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._native import ffi, lib

if TYPE_CHECKING:
    from ._report import AnyReport

__all__ = ['Error', 'Refused', 'error_class']


class Error(Exception):
    """A call failed.

    ==========  ================================================================================
    message     what went wrong, where, and what to do: one line, which may carry outside text
                (see ``trustbuild.escape``)
    code, name  the status, as in ``-11`` and ``'TRB_E_FORMAT'``
    check       the id of the check that failed, for example ``'artifact.digest'``; None where
                no check is concerned
    errno       of the system call that failed; None where none is concerned
    report      every check with its outcome, where a verification came that far; else None
    cause       the Error behind this one, as the library tells it, or None; also ``__cause__``,
                so that tracebacks show the whole chain
    ==========  ================================================================================

    ``str(error)`` is the messages of the whole chain, and the check, in one line.
    """

    code: int = 0
    errno: Any = None  # int | None; OSError has one of its own

    def __init__(self, message: str, *, check: str | None = None,
                 report: AnyReport | None = None, cause: Error | None = None,
                 code: int | None = None, errno: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.check = check
        self.report = report
        self.cause = cause
        if code is not None:
            self.code = code
        if errno is not None:
            self.errno = errno
        if cause is not None:
            self.__cause__ = cause

    @property
    def name(self) -> str:
        """The name of the code, for example ``TRB_E_FORMAT``."""
        return str(ffi.string(lib.trb_status_name(self.code)).decode())

    def __str__(self) -> str:
        messages, below = [self.message], self.cause
        while below is not None:
            messages.append(below.message)
            below = below.cause
        told = ': '.join(messages)
        return f'{told} [{self.check}]' if self.check else told


class Refused(Error):
    """A verdict: the evidence is none, or does not satisfy what was demanded."""


class InvalidError(Error, ValueError):
    """The caller broke the contract."""

    code = lib.TRB_E_INVAL


class NoMemoryError(Error, MemoryError):
    """Out of memory."""

    code = lib.TRB_E_NOMEM


class IOFailedError(Error, OSError):
    """A file, device or peer could not be read or written."""

    code = lib.TRB_E_IO


class TimedOutError(Error, TimeoutError):
    """A time limit passed."""

    code = lib.TRB_E_TIMEOUT


class CanceledError(Error):
    """The caller asked to stop."""

    code = lib.TRB_E_CANCELED


class NotFoundError(Error):
    """The named thing does not exist."""

    code = lib.TRB_E_NOTFOUND


class UnsupportedError(Error):
    """The operation is not there, here or in this release."""

    code = lib.TRB_E_UNSUPPORTED


class ABIError(Error):
    """A backend table from another ABI."""

    code = lib.TRB_E_ABI


class StateError(Error):
    """The right call in the wrong order."""

    code = lib.TRB_E_STATE


class LimitError(Error):
    """A stated bound was reached."""

    code = lib.TRB_E_LIMIT


class FormatError(Error, ValueError):
    """Malformed outside input."""

    code = lib.TRB_E_FORMAT


class BuildError(Error):
    """The build's own command failed."""

    code = lib.TRB_E_BUILD


class AgainError(Error):
    """Nothing yet: poll the descriptor."""

    code = lib.TRB_E_AGAIN


class DoneError(Error):
    """An iterator's end."""

    code = lib.TRB_E_DONE


class EvidenceRefused(Refused):
    """Signature, chain, form or debug mode of the document."""

    code = lib.TRB_E_EVIDENCE


class MeasurementRefused(Refused):
    """The PCRs are none that the policy knows."""

    code = lib.TRB_E_MEASUREMENT


class ClaimRefused(Refused):
    """Claim, facts, statement and envelope disagree."""

    code = lib.TRB_E_CLAIM


class SourceRefused(Refused):
    """Repository, ref, commit or recipe."""

    code = lib.TRB_E_SOURCE


class SandboxRefused(Refused):
    """Runtime, network or limits of the sandbox."""

    code = lib.TRB_E_SANDBOX


class ArtifactRefused(Refused):
    """Digest or name of the artifact."""

    code = lib.TRB_E_ARTIFACT


class FreshnessRefused(Refused):
    """Nonce, the document's time or the age of a list."""

    code = lib.TRB_E_FRESHNESS


class AssuranceRefused(Refused):
    """The evidence is simulated, the policy wants hardware."""

    code = lib.TRB_E_ASSURANCE


class LogRefused(Refused):
    """Inclusion, checkpoint or quorum of witnesses."""

    code = lib.TRB_E_LOG


class EndorsementRefused(Refused):
    """Too few endorsers."""

    code = lib.TRB_E_ENDORSEMENT


class RevokedRefused(Refused):
    """Something in the evidence was revoked."""

    code = lib.TRB_E_REVOKED


class PolicyError(Error, ValueError):
    """The policy is not one, or demands nothing: nothing can be decided."""

    code = lib.TRB_E_POLICY


class FormatRefused(Refused, FormatError):
    """A bundle or document that is none."""


class LimitRefused(Refused, LimitError):
    """A bundle or document that is larger than any can be."""


def _walk(base: type[Error]) -> dict[int, type[Error]]:
    found: dict[int, type[Error]] = {}
    for cls in base.__subclasses__():
        if 'code' in cls.__dict__:
            found[cls.code] = cls
        found.update(_walk(cls))
    return found


_CLASSES = _walk(Error)
_UNREADABLE: dict[int, type[Error]] = {cls.code: cls for cls in (FormatRefused, LimitRefused)}
__all__ += [cls.__name__ for cls in (*_CLASSES.values(), *_UNREADABLE.values())]


def error_class(code: int, refused: bool = False) -> type[Error]:
    """The class of a code, and of whether evidence was refused; for a code that this release does
    not know, Refused or Error."""
    if refused and code in _UNREADABLE:
        return _UNREADABLE[code]
    unknown = Refused if lib.trb_is_verdict(code) else Error
    return _CLASSES.get(code, unknown)
