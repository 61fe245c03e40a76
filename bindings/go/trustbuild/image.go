// SPDX-License-Identifier: Apache-2.0
// Images: read, measured, built.

package trustbuild

/*
#include <trustbuild/eif.h>
#include <trustbuild/image.h>
*/
import "C"

import (
	"context"
	"encoding/json"
	"os"
	"strconv"
	"time"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/internal/glue"
)

// SectionType is a kind of section of an enclave image.
type SectionType int

// The kinds of sections, as numbered in the file.
const (
	KernelSection    SectionType = C.TRB_EIF_KERNEL
	CmdlineSection   SectionType = C.TRB_EIF_CMDLINE
	RamdiskSection   SectionType = C.TRB_EIF_RAMDISK
	SignatureSection SectionType = C.TRB_EIF_SIGNATURE
	MetadataSection  SectionType = C.TRB_EIF_METADATA
)

// Section is where a section's data are in the file.
type Section struct {
	Type         SectionType
	Offset, Size uint64
}

// EIF is a measured enclave image.
type EIF struct {
	Version      int
	Flags        uint16          // of the header; Description names those that are known
	Architecture string          // "x86_64" or "aarch64"
	PCRs         map[int][]byte  // 0, 1, 2, and 8 of a signed one; 48 bytes each
	Cmdline      []byte          // measured; outside text
	Metadata     json.RawMessage // NOT measured: anybody's word; nil before version 4
	Sections     []Section       // in the file's order
	Description  json.RawMessage // everything, as "tb-host image describe" prints it
}

// OpenEIF checks and measures the enclave image at path: its form, its CRC and, where it is signed,
// the signature. The end of ctx ends the reading.
func OpenEIF(ctx context.Context, path string) (*EIF, error) {
	var host *Host // an image needs no directories
	var eif *EIF
	err := glue.Texts(func(t []*C.char) error {
		return host.call(ctx, func(c *C.trb_context) (err error) {
			var image *C.trb_eif
			var e *C.trb_error
			if r := C.trb_eif_open(c, t[0], &image, &e); r != C.TRB_OK {
				return failure(r, e)
			}
			eif, err = takeEIF(image)
			return err
		})
	}, path)
	return eif, err
}

// ReadEIF is OpenEIF for a regular file that is open, whatever its offset, which stays.
func ReadEIF(ctx context.Context, file *os.File) (*EIF, error) {
	var host *Host
	var eif *EIF
	err := withFd(file, func(fd C.int) error {
		return host.call(ctx, func(c *C.trb_context) (err error) {
			var image *C.trb_eif
			var e *C.trb_error
			if r := C.trb_eif_open_fd(c, fd, &image, &e); r != C.TRB_OK {
				return failure(r, e)
			}
			eif, err = takeEIF(image)
			return err
		})
	})
	return eif, err
}

// withFd lends a file's descriptor, which stays open and as it is (File.Fd would make it blocking).
func withFd(file *os.File, f func(C.int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(C.int(fd)) }); err != nil {
		return err
	}
	return inner
}

func takeEIF(c *C.trb_eif) (*EIF, error) {
	defer C.trb_eif_unref(c)
	eif := &EIF{
		Version:      int(C.trb_eif_get_version(c)),
		Flags:        uint16(C.trb_eif_get_flags(c)),
		Architecture: C.GoString(C.trb_eif_get_architecture(c)),
		PCRs:         map[int][]byte{},
		Cmdline:      copied(C.trb_eif_get_cmdline(c)),
		Metadata:     copied(C.trb_eif_get_metadata(c)),
	}
	for i := 0; i < 16; i++ {
		if pcr := copied(C.trb_eif_get_pcr(c, C.uint(i))); len(pcr) > 0 {
			eif.PCRs[i] = pcr
		}
	}
	var e *C.trb_error
	for i := C.size_t(0); i < C.trb_eif_count_sections(c); i++ {
		var kind C.uint
		var offset, size C.uint64_t
		if r := C.trb_eif_get_section(c, i, &kind, &offset, &size, &e); r != C.TRB_OK {
			return nil, failure(r, e)
		}
		eif.Sections = append(eif.Sections,
			Section{SectionType(kind), uint64(offset), uint64(size)})
	}
	var blob *C.trb_blob
	if r := C.trb_eif_describe_json(c, &blob, &e); r != C.TRB_OK {
		return nil, failure(r, e)
	}
	eif.Description = takeBlob(blob)
	return eif, nil
}

// ImageRecipe says what goes into an enclave image. The zero recipe makes the default image; paths
// are relative to the current directory.
type ImageRecipe struct {
	Out      string    // image, and beside it its lock file; default: in the state directory
	Enclave  string    // program; default: $TRUSTBUILD_ENCLAVE_PROGRAM, else the installed one
	Helpers  []string  // enclave's helper programs; default: those in the helper directory
	Packages []string  // Debian packages for builds, beside the default ones
	Sources  string    // apt sources.list file to take packages from
	ExtraCA  string    // PEM file of certificates that the enclave trusts for fetching, too
	Kernel   string    // kernel (bzImage) instead of Debian's cloud kernel
	Cmdline  string    // kernel's command line
	Runsc    string    // runsc program instead of building the pinned one
	RootFS   string    // EROFS file instead of making one
	Ramdisks []string  // ready-made ones: the image is packed from Kernel and these alone
	Name     string    // in the metadata, which are not measured
	Version  string    // in the metadata
	Epoch    time.Time // all times in the image; default: $SOURCE_DATE_EPOCH, else a constant
	SignCert string    // PEM file of the signer's certificate, and
	SignKey  string    // of its P-256, P-384 or P-521 key
	Fresh    bool      // make everything anew, whatever the cache holds
}

type input struct{ key, value string }

// inputs are as of trb_image_set.
func (r *ImageRecipe) inputs() []input {
	all := []input{
		{"out", r.Out}, {"enclave", r.Enclave}, {"sources", r.Sources},
		{"extra-ca", r.ExtraCA}, {"kernel", r.Kernel}, {"cmdline", r.Cmdline},
		{"runsc", r.Runsc}, {"rootfs", r.RootFS}, {"name", r.Name},
		{"version", r.Version}, {"sign-cert", r.SignCert}, {"sign-key", r.SignKey},
	}
	for _, list := range []struct {
		key    string
		values []string
	}{{"helper", r.Helpers}, {"package", r.Packages}, {"ramdisk", r.Ramdisks}} {
		for _, value := range list.values {
			all = append(all, input{list.key, value})
		}
	}
	if !r.Epoch.IsZero() {
		all = append(all, input{"epoch", strconv.FormatInt(r.Epoch.Unix(), 10)})
	}
	if r.Fresh {
		all = append(all, input{"fresh", "yes"})
	}
	return all
}

// BuildImage makes an enclave image, or finds that the file is what the recipe gives; path is where
// it is. The first time takes minutes and needs a network, mmdebstrap and erofs-utils; afterwards
// only what has changed is made again. Progress goes to the host's Logger. The end of ctx ends the
// programs that run, after they have cleaned up.
func (h *Host) BuildImage(ctx context.Context,
	recipe ImageRecipe) (path string, eif *EIF, err error) {
	err = h.call(ctx, func(c *C.trb_context) error {
		var image *C.trb_image
		var made *C.trb_eif
		var e *C.trb_error
		if r := C.trb_image_new(c, &image, &e); r != C.TRB_OK {
			return failure(r, e)
		}
		defer C.trb_image_unref(image)
		for _, in := range recipe.inputs() {
			if err := setInput(image, in); err != nil {
				return err
			}
		}
		if r := C.trb_image_build(image, &made, &e); r != C.TRB_OK {
			return failure(r, e)
		}
		path = C.GoString(C.trb_image_get_path(image))
		eif, err = takeEIF(made)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	return path, eif, nil
}

func setInput(image *C.trb_image, in input) error {
	if in.value == "" {
		return nil
	}
	return glue.Texts(func(t []*C.char) error {
		var e *C.trb_error
		return failure(C.trb_image_set(image, t[0], t[1], &e), e)
	}, in.key, in.value)
}
