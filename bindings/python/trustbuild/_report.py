# SPDX-License-Identifier: Apache-2.0
"""What a verification found: every check with its outcome."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any, Union

from ._core import blob_of, call, some, text
from ._native import ffi, lib


class Assurance(IntEnum):
    """What stands behind the evidence."""

    SIMULATED = lib.TRB_ASSURANCE_SIMULATED
    HARDWARE = lib.TRB_ASSURANCE_HARDWARE


class Outcome(IntEnum):
    """How a check ended."""

    PASS = lib.TRB_OUTCOME_PASS
    FAIL = lib.TRB_OUTCOME_FAIL
    NOT_RUN = lib.TRB_OUTCOME_NOT_RUN
    NOT_DEMANDED = lib.TRB_OUTCOME_NOT_DEMANDED


@dataclass(frozen=True)
class Check:
    """One check of a report.  ``expected`` and ``actual`` may carry outside text."""

    id: str
    title: str
    rule: str
    outcome: Outcome
    expected: str | None
    actual: str | None


_FORMS = {'json': lib.trb_report_to_json, 'text': lib.trb_report_to_text,
          'html': lib.trb_report_to_html}


class Report:
    """Every check with its outcome, in order; ``print(report)`` shows it as a tree.

    Immutable; may be shared between threads, and sent to other processes.
    """

    def __init__(self, pointer: Any) -> None:
        self._c = ffi.gc(pointer, lib.trb_report_unref)

    @cached_property
    def verdict(self) -> int:
        """0, or the code of the check that failed."""
        return int(lib.trb_report_get_verdict(self._c))

    @cached_property
    def refused(self) -> str | None:
        """The id of the check that failed."""
        return text(lib.trb_report_get_refused(self._c))

    @cached_property
    def advice(self) -> str | None:
        """What to do about the refusal."""
        return text(lib.trb_report_get_advice(self._c))

    @cached_property
    def assurance(self) -> Assurance | None:
        """None as long as the document's chain was not found good."""
        value = lib.trb_report_get_assurance(self._c)
        return Assurance(value) if value else None

    @cached_property
    def checks(self) -> Sequence[Check]:
        """All checks that this release knows, whatever the policy demands."""
        report = self._c
        return tuple(
            Check(id=some(lib.trb_report_get_check(report, i)),
                  title=some(lib.trb_report_get_title(report, i)),
                  rule=some(lib.trb_report_get_rule(report, i)),
                  outcome=Outcome(lib.trb_report_get_outcome(report, i)),
                  expected=text(lib.trb_report_get_expected(report, i)),
                  actual=text(lib.trb_report_get_actual(report, i)))
            for i in range(lib.trb_report_count_checks(report)))

    @cached_property
    def _forms(self) -> dict[str, str]:
        return {}

    def _render(self, form: str) -> str:
        if form not in self._forms:
            self._forms[form] = blob_of(_FORMS[form], self._c).decode()
        return self._forms[form]

    def to_json(self) -> str:
        """The report as JSON (ASCII)."""
        return self._render('json')

    def to_text(self) -> str:
        """A tree of at most 100 columns; outside text is escaped."""
        return self._render('text')

    def to_html(self) -> str:
        """One self-contained page; outside text is escaped."""
        return self._render('html')

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f'<trustbuild.Report {self.refused or "verified"}>'

    def __reduce__(self) -> tuple[Any, ...]:
        # What was computed is all that the other process needs.
        for form in _FORMS:
            self._render(form)
        state = {name: getattr(self, name)
                 for name in ('verdict', 'refused', 'assurance', 'checks', '_forms')}
        return object.__new__, (type(self),), state


class DocumentReport:
    """Every check of a bare document with its outcome."""

    def __init__(self, encoded: bytes) -> None:
        self._json = encoded.decode()
        self._read: dict[str, Any] = json.loads(encoded)

    @property
    def refused(self) -> str | None:
        """The id of the check that failed."""
        refused: str | None = self._read.get('refused')
        return refused

    def to_json(self) -> str:
        """The report as JSON (ASCII)."""
        return self._json

    def __str__(self) -> str:
        return self._json

    def __repr__(self) -> str:
        return f'<trustbuild.DocumentReport {self.refused or "verified"}>'


AnyReport = Union[Report, DocumentReport]


def unreadable(error: Any) -> Report | None:
    """The report of a bundle that is none."""
    if not lib.trb_error_is_verdict(error):
        return None
    slot = ffi.new('trb_report **')
    call(lib.trb_report_new_unreadable, error, slot)
    return Report(slot[0])
