# SPDX-License-Identifier: Apache-2.0
"""One exception class for each status code of the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._native import lib

if TYPE_CHECKING:
    from ._verify import AnyReport

__all__ = ['Error', 'Refused', 'error_class']


class Error(Exception):
    """A call failed.

    ``code`` and ``name`` are the status (``-11``, ``'TRB_E_FORMAT'``), ``check`` is the id of the
    check that failed or None, ``report`` has every check where a verification came that far, and
    ``cause`` is the error behind this one, which is also ``__cause__``.  The message may carry
    outside text: escape control characters before showing it on a terminal.
    """

    code: int = 0

    def __init__(self, message: str, *, check: str | None = None,
                 report: AnyReport | None = None, cause: Error | None = None,
                 code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.check = check
        self.report = report
        self.cause = cause
        if code is not None:
            self.code = code
        if cause is not None:
            self.__cause__ = cause

    @property
    def name(self) -> str:
        """The name of the code, for example ``TRB_E_FORMAT``."""
        return str(_name(self.code))

    def __str__(self) -> str:
        return f'{self.message} [{self.check}]' if self.check else self.message


def _name(code: int) -> str:
    from ._native import ffi

    return str(ffi.string(lib.trb_status_name(code)).decode())


class Refused(Error):
    """A verdict: the evidence was read, and does not satisfy what was demanded."""


class InvalidError(Error, ValueError):
    """The caller broke the contract."""

    code = lib.TRB_E_INVAL


class NoMemoryError(Error, MemoryError):
    """Out of memory."""

    code = lib.TRB_E_NOMEM


class IOFailedError(Error):
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


class PolicyRefused(Refused):
    """The policy is not one, or demands nothing."""

    code = lib.TRB_E_POLICY


def _walk(base: type[Error]) -> dict[int, type[Error]]:
    found: dict[int, type[Error]] = {}
    for cls in base.__subclasses__():
        if 'code' in cls.__dict__:
            found[cls.code] = cls
        found.update(_walk(cls))
    return found


_CLASSES = _walk(Error)
__all__ += [cls.__name__ for cls in _CLASSES.values()]


def error_class(code: int) -> type[Error]:
    """The class of a code; for one that this release does not know, Refused or Error."""
    unknown = Refused if lib.trb_is_verdict(code) else Error
    return _CLASSES.get(code, unknown)
