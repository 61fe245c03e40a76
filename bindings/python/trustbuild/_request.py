# SPDX-License-Identifier: Apache-2.0
"""What is to be built."""

from __future__ import annotations

from typing import Any

from ._core import (Buffer, Bytes, Context, Handle, Path, blob_of, c_path, c_text, call,
                    interruptible, octets, some, text)
from ._native import ffi, lib


class Request(Handle):
    """What is to be built: a commit of a repository, under a sandbox, with a fresh nonce.

    ``repository`` is an https URL, ``commit`` 40 or 64 hexadecimal digits: Request.resolve() takes
    other names.  ``ref`` demands that the commit is in the history of this full ref name.
    ``recipe`` (the content of a trustbuild.json) is used in place of the tree's own.  ``sandbox``
    is ``'runsc'``, ``'crun'`` or ``'runc'``.
    """

    _unref = staticmethod(lib.trb_request_unref)

    def __init__(self, repository: str, commit: str, *, ref: str | None = None,
                 recipe: Buffer | None = None, sandbox: str | None = None,
                 nonce: Buffer | None = None) -> None:
        slot = ffi.new('trb_request **')
        call(lib.trb_request_new, ffi.NULL, c_text(repository), c_text(commit), slot)
        super().__init__(slot[0], self._unref)
        if ref is not None:
            call(lib.trb_request_set_ref, self._c, c_text(ref))
        self._demand(recipe, sandbox, nonce)

    def _demand(self, recipe: Buffer | None, sandbox: str | None, nonce: Buffer | None) -> None:
        if recipe is not None:
            with Bytes(recipe) as view:
                call(lib.trb_request_set_recipe, self._c, view)
        if sandbox is not None:
            call(lib.trb_request_set_sandbox, self._c, c_text(sandbox))
        if nonce is not None:
            with Bytes(nonce) as view:
                call(lib.trb_request_set_nonce, self._c, view)

    @classmethod
    def resolve(cls, repository: str, name: str | None = None, *, ref: str | None = None,
                ca_file: Path | None = None, token: Buffer = b'', recipe: Buffer | None = None,
                sandbox: str | None = None, nonce: Buffer | None = None,
                context: Context | None = None) -> Request:
        """A request for a commit that has another name: a branch, a tag, a full ref name or a cut
        commit id, which the repository's server is asked for, over HTTPS.

        Without a name it is what ``ref`` points to, or the tip of the default branch.  ``ca_file``
        has the certificate authorities to trust (PEM), ``token`` is for private repositories.
        """
        slot = ffi.new('trb_request **')
        working_for = context or Context()
        with Bytes(token) as view:
            interruptible(lambda: call(
                lib.trb_request_resolve, working_for._c, c_text(repository), c_text(name),
                c_text(ref), c_path(ca_file), view, slot), working_for)
        request = cls._adopt(slot[0])
        request._demand(recipe, sandbox, nonce)
        return request

    @classmethod
    def parse(cls, encoded: Buffer) -> Request:
        """Reads an encoded request, for example ``bundle.request``."""
        slot = ffi.new('trb_request **')
        with Bytes(encoded) as view:
            call(lib.trb_request_parse, view, slot)
        return cls._adopt(slot[0])

    def encode(self) -> bytes:
        """The request as deterministic CBOR."""
        return blob_of(lib.trb_request_encode, self._c)

    @property
    def repository(self) -> str:
        """The repository's URL."""
        return some(lib.trb_request_get_repository(self._c))

    @property
    def commit(self) -> str:
        """The commit (CT) in hexadecimal digits."""
        return some(lib.trb_request_get_commit(self._c))

    @property
    def ref(self) -> str | None:
        """The ref that the commit has to be in the history of."""
        return text(lib.trb_request_get_ref(self._c))

    @property
    def recipe(self) -> bytes | None:
        """The recipe, None where it is the tree's own."""
        return octets(lib.trb_request_get_recipe(self._c)) or None

    @property
    def sandbox(self) -> str:
        """The sandbox's runtime."""
        return some(lib.trb_request_get_sandbox(self._c))

    @property
    def nonce(self) -> bytes:
        """What makes the attestation of this request fresh: demand it when you verify."""
        return octets(lib.trb_request_get_nonce(self._c))

    def _tells(self) -> str:
        return f'{self.repository!r} {self.commit}'

    def __bytes__(self) -> bytes:
        return self.encode()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).parse, (self.encode(),)
