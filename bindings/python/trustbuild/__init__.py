# SPDX-License-Identifier: Apache-2.0
"""Attestable builds: verify what an artifact was built from, and by what."""

from . import errors
from ._core import Context, version
from ._native import lib as _lib
from ._session import Event, EventType, Request, Session, simulated_root
from ._verify import (Assurance, Attestation, Bundle, Check, Claims, DocumentReport,
                      DocumentVerifier, Outcome, Policy, Report, VerifiedDocument, Verifier, verify,
                      verify_document)
from .errors import Error, Refused

LOG_DEBUG: int = _lib.TRB_LOG_DEBUG
LOG_INFO: int = _lib.TRB_LOG_INFO
LOG_NOTICE: int = _lib.TRB_LOG_NOTICE

__version__ = '0.1.0'
__all__ = [
    'LOG_DEBUG', 'LOG_INFO', 'LOG_NOTICE', 'Assurance', 'Attestation', 'Bundle', 'Check', 'Claims',
    'Context', 'DocumentReport', 'DocumentVerifier', 'Error', 'Event', 'EventType', 'Outcome',
    'Policy', 'Refused', 'Report', 'Request', 'Session', 'VerifiedDocument', 'Verifier', 'errors',
    'simulated_root', 'verify', 'verify_document', 'version',
]
