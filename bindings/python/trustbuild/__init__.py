# SPDX-License-Identifier: Apache-2.0
"""Attestable builds: verify what an artifact was built from, and by what.

The verifier::

    claims = trustbuild.verify('app', bundle='app.bundle.json', policy='policy.json')

verify(), Verifier      one artifact: Claims, or a Refused with .check and .report
verify_many(), Batch    many, on all processors
verify_document()       a bare attestation document of AWS Nitro Enclaves
Bundle, Policy          evidence, and what is demanded of it
draft_policy()          a first policy, for a person to review; PolicyDraft for all that one may say

The host::

    with trustbuild.Session.process('builder.eif') as session, trustbuild.Log() as log, \\
            trustbuild.Job(session, 'out', 'https://forge.example/app', 'main', log=log) as job:
        job.run()

Job                     resolving, building, saving, publishing, placing: everything
Request, Session        what to build; one enclave for one build, and its events
Log                     where bundles are published
Eif, ImageBuilder       measuring and making enclave images
Context                 progress, state directory, helper programs

``trustbuild.errors`` has one exception class for each status code, ``trustbuild.enclave`` what an
enclave of your own needs.  A path is str or os.PathLike; bytes and other buffers are always
content.  A time is an aware datetime, or seconds since 1970.  Handles close by close(), by
``with``, or when they are collected, and the interpreter's lock is released in every call of the
library.
"""

from . import errors
from ._bundle import Bundle, Policy
from ._core import Context, escape, version
from ._documents import Attestation, DocumentVerifier, VerifiedDocument, verify_document
from ._events import Event, EventType
from ._image import Eif, ImageBuilder, Section, SectionType
from ._job import Job, JobFile, Step
from ._log import Log
from ._native import lib as _lib
from ._policy import PolicyDraft, draft_policy
from ._report import Assurance, Check, DocumentReport, Outcome, Report
from ._request import Request
from ._session import Session, simulated_root
from ._verify import Batch, BatchResult, Claims, Verifier, verify, verify_many
from .errors import Error, Refused

LOG_DEBUG: int = _lib.TRB_LOG_DEBUG
LOG_INFO: int = _lib.TRB_LOG_INFO
LOG_NOTICE: int = _lib.TRB_LOG_NOTICE

__version__ = version()  # typed once, in the library's header
__all__ = [
    'LOG_DEBUG', 'LOG_INFO', 'LOG_NOTICE', 'Assurance', 'Attestation', 'Batch', 'BatchResult',
    'Bundle', 'Check', 'Claims', 'Context', 'DocumentReport', 'DocumentVerifier', 'Eif',
    'Error', 'Event', 'EventType', 'ImageBuilder', 'Job', 'JobFile', 'Log', 'Outcome', 'Policy',
    'PolicyDraft', 'Refused', 'Report', 'Request', 'Section', 'SectionType', 'Session', 'Step',
    'VerifiedDocument', 'Verifier', 'draft_policy', 'errors', 'escape', 'simulated_root',
    'verify', 'verify_document', 'verify_many', 'version',
]
for _name in __all__:
    # What help() and tracebacks show is where people find it.
    if getattr(globals()[_name], '__module__', '').startswith('trustbuild._'):
        globals()[_name].__module__ = 'trustbuild'
del _lib, _name
