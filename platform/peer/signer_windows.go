package peer

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"

	"regent/platform/layout"
)

// signer verifies the current file of the process's program. It keeps the file open
// meanwhile, so that nobody can begin to write, rename or replace it. The running code can
// still differ. A writer that opened the file before the process started can continue to
// write. A user who may debug the process can change it. See platform/DESIGN.md.
func (p *Peer) signer(known *Images) (Signer, error) {
	f, err := openToVerify(p.Exe)
	if err != nil {
		return Signer{}, fmt.Errorf("verify the image: %w", err)
	}
	v, err := versionOf(f)
	if err = errors.Join(err, p.checkImage(f)); err != nil {
		return Signer{}, errors.Join(err, f.Close())
	}
	signer, err := known.signers.get(p.UID, program{v, p.PID, p.Start}, f, func() (Signer, error) { return authenticode(f) })
	if err != nil {
		return Signer{}, err
	}
	return signer, p.recheck()
}

// openToVerify opens a program for reading. Meanwhile nobody can write, rename or delete it.
// checkImage needs executeAccess.
func openToVerify(path string) (*os.File, error) {
	return openLocal(path, readAccess|executeAccess, readSharing)
}

// checkImage returns an error unless f is the image of the process: a running program can be
// renamed, and another file can take its path.
func (p *Peer) checkImage(f *os.File) error {
	return p.process.withHandle(func(windows.Handle) error { // meanwhile Windows does not reuse the PID
		h, err := windows.OpenProcess(windows.PROCESS_QUERY_INFORMATION, false, uint32(p.PID)) //nolint:gosec // a PID fits in 32 bits
		if err != nil {
			return fmt.Errorf("ask for the image of process %d: %w", p.PID, err)
		}
		defer windows.CloseHandle(h) //nolint:errcheck // queried only
		file := windows.Handle(f.Fd())
		err = windows.NtQueryInformationProcess(h, windows.ProcessImageFileMapping, unsafe.Pointer(&file), uint32(unsafe.Sizeof(file)), nil) //nolint:gosec // the API takes addresses
		if !isImage(err, layout.UnderWine()) {
			return fmt.Errorf("it no longer runs the file at %s: %w", f.Name(), err)
		}
		return nil
	})
}

// isImage interprets the answer to the question whether a file is the image of a process.
// Wine does not support the question. There the path must be enough.
func isImage(answer error, underWine bool) bool {
	return answer == nil || underWine && errors.Is(answer, windows.STATUS_INVALID_INFO_CLASS)
}
