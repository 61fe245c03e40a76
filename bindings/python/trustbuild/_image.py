# SPDX-License-Identifier: Apache-2.0
"""Enclave images: measuring and making them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, BinaryIO

from ._core import (BUNDLED, Content, Context, Handle, Path, Working, blob_of, c_path, c_text,
                    call, file_of, interruptible, octets, one_or_many, optional_octets, pcrs, some)
from ._native import ffi, lib


class SectionType(IntEnum):
    """Kinds of sections, as in the file."""

    KERNEL = lib.TRB_EIF_KERNEL
    CMDLINE = lib.TRB_EIF_CMDLINE
    RAMDISK = lib.TRB_EIF_RAMDISK
    SIGNATURE = lib.TRB_EIF_SIGNATURE
    METADATA = lib.TRB_EIF_METADATA


@dataclass(frozen=True)
class Section:
    """Where a section's data begin in the file, and how many bytes they are."""

    type: SectionType
    offset: int
    size: int


class Eif(Handle):
    """A measured enclave image (EIF).  Immutable; may be shared between threads.

    ``Eif('builder.eif')`` reads the whole file, checks its form, checksum and signature, and
    measures it: ``image.pcrs[0].hex()``.  An image is a path, an open file, or the content.
    """

    _unref = staticmethod(lib.trb_eif_unref)

    def __init__(self, image: Content | BinaryIO, context: Context | None = None) -> None:
        slot = ffi.new('trb_eif **')
        working_for = context or Context()
        with file_of(image) as fd:
            interruptible(lambda: call(lib.trb_eif_open_fd, working_for._c, fd, slot), working_for)
        super().__init__(slot[0], self._unref)

    @property
    def pcrs(self) -> dict[int, bytes]:
        """PCR0, 1, 2, and 8 of a signed image, 48 bytes each."""
        return pcrs(lib.trb_eif_get_pcr, self._c)

    @property
    def version(self) -> int:
        """The version of the format, 2 to 4."""
        return int(lib.trb_eif_get_version(self._c))

    @property
    def flags(self) -> int:
        """The header's flags, 16 bits, some of which this release has no name for; describe() names
        the others."""
        return int(lib.trb_eif_get_flags(self._c))

    @property
    def architecture(self) -> str:
        """``'x86_64'`` or ``'aarch64'``."""
        return some(lib.trb_eif_get_architecture(self._c))

    @property
    def cmdline(self) -> bytes:
        """The kernel's command line, as it is measured; outside text."""
        return octets(lib.trb_eif_get_cmdline(self._c))

    @property
    def metadata(self) -> dict[str, Any] | None:
        """The metadata, None before version 4.  Not measured: whoever hands over the file may have
        written anything there."""
        encoded = optional_octets(lib.trb_eif_get_metadata(self._c))
        if encoded is None:
            return None
        metadata: dict[str, Any] = json.loads(encoded)
        return metadata

    @property
    def sections(self) -> Sequence[Section]:
        """The sections, in the file's order."""
        return tuple(self._section(i) for i in range(lib.trb_eif_count_sections(self._c)))

    def _section(self, index: int) -> Section:
        kind, offset, size = ffi.new('unsigned *'), ffi.new('uint64_t *'), ffi.new('uint64_t *')
        call(lib.trb_eif_get_section, self._c, index, kind, offset, size)
        return Section(SectionType(kind[0]), int(offset[0]), int(size[0]))

    def measurements(self) -> dict[str, Any]:
        """The measurements, as ``nitro-cli describe-eif`` names them."""
        told = json.loads(blob_of(lib.trb_eif_measurements_json, self._c))
        measurements: dict[str, Any] = told['Measurements']
        return measurements

    def describe(self) -> dict[str, Any]:
        """Everything: version, architecture, command line, measurements, sections, signer,
        metadata."""
        told: dict[str, Any] = json.loads(blob_of(lib.trb_eif_describe_json, self._c))
        return told

    def _tells(self) -> str:
        return f'PCR0={self.pcrs[0].hex()}'


class ImageBuilder(Working):
    """The recipe of an enclave image; the same inputs give the same bytes::

        image = ImageBuilder(context, out='builder.eif', extra_ca='forge.pem').build()

    Every argument may be left out; a path is str or os.PathLike, and those that are named in the
    plural take one or several.

    ====================  =======================================================================
    out                   the image; its lock file is written beside it
    enclave               the enclave program
    helpers               helper programs for the enclave, in place of the library's
    packages              Debian packages for the build's root file system, beside the default ones
    sources               an apt sources.list to take packages from
    extra_ca              certificates (PEM) that the enclave trusts for fetching, too
    kernel, cmdline       another kernel (bzImage), its command line
    runsc, rootfs         a ready-made runsc program, EROFS file
    name, version         what the metadata say
    epoch                 all times in the image, seconds since 1970
    sign_cert, sign_key   the signer's certificate and key (PEM)
    ramdisks              ready-made ramdisks: the image is packed from kernel and ramdisks alone
    fresh                 make everything anew, whatever the cache holds
    ====================  =======================================================================

    It belongs to one thread at a time.
    """

    def __init__(self, context: Context | None = None, *, out: Path | None = None,
                 enclave: Path | None = None, helpers: Path | Iterable[Path] = (),
                 packages: str | Iterable[str] = (), sources: Path | None = None,
                 extra_ca: Path | None = None, kernel: Path | None = None,
                 cmdline: str | None = None, runsc: Path | None = None,
                 rootfs: Path | None = None, name: str | None = None,
                 version: str | None = None, epoch: int | None = None,
                 sign_cert: Path | None = None, sign_key: Path | None = None,
                 ramdisks: Path | Iterable[Path] = (), fresh: bool = False) -> None:
        slot = ffi.new('trb_image **')
        context = context or Context()
        call(lib.trb_image_new, context._c, slot)
        super().__init__(slot[0], lib.trb_image_unref, context)
        if enclave is None and 'TRUSTBUILD_ENCLAVE_PROGRAM' not in os.environ:
            bundled = os.path.join(BUNDLED, 'tb-enclave')
            enclave = bundled if os.path.exists(bundled) else None
        one: dict[str, Path | None] = {
            'out': out, 'enclave': enclave, 'sources': sources, 'extra-ca': extra_ca,
            'kernel': kernel, 'cmdline': cmdline, 'runsc': runsc, 'rootfs': rootfs, 'name': name,
            'version': version, 'epoch': None if epoch is None else str(epoch),
            'sign-cert': sign_cert, 'sign-key': sign_key, 'fresh': 'yes' if fresh else None}
        for key, value in one.items():
            if value is not None:
                self._set(key, value)
        for key, values in (('helper', helpers), ('package', packages), ('ramdisk', ramdisks)):
            for each in one_or_many(values):
                self._set(key, each)

    def _set(self, key: str, value: Path) -> None:
        call(lib.trb_image_set, self._c, c_text(key), c_path(value))

    @property
    def path(self) -> str | None:
        """Where build() writes the image; None where there is neither ``out`` nor a state
        directory."""
        pointer = lib.trb_image_get_path(self._c)
        return None if pointer == ffi.NULL else os.fsdecode(ffi.string(pointer))

    def build(self) -> Eif:
        """Makes the image, or finds that the one at the path is what the inputs give.

        The first time takes minutes and needs a network, mmdebstrap and erofs-utils.
        """
        slot = ffi.new('trb_eif **')
        interruptible(lambda: call(lib.trb_image_build, self._c, slot), self._context)
        return Eif._adopt(slot[0])
