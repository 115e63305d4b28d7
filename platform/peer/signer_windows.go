package peer

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"

	"regent/platform/layout"
)

// signer verifies the file that the process was made from, as it is now. The file is held
// open meanwhile, so that nobody begins to write to it, renames it, or puts another in
// its place. What runs can differ all the same: who began to write before the
// process was made may still do so, and whoever may debug a process changes it as
// they like. See platform/DESIGN.md.
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

// openToVerify opens a program for reading, while nobody opens it for writing, renames
// or deletes it. executeAccess is for checkImage.
func openToVerify(path string) (*os.File, error) {
	return openLocal(path, readAccess|executeAccess, readSharing)
}

// checkImage returns an error unless the image of the process is f: a program that
// runs can be renamed, and another be put where it was.
func (p *Peer) checkImage(f *os.File) error {
	return p.process.withHandle(func(windows.Handle) error { // the PID is its own meanwhile
		h, err := windows.OpenProcess(windows.PROCESS_QUERY_INFORMATION, false, uint32(p.PID)) //nolint:gosec // a PID fits in 32 bits
		if err != nil {
			return fmt.Errorf("ask for the image of process %d: %w", p.PID, err)
		}
		defer windows.CloseHandle(h) //nolint:errcheck // it was only asked
		file := windows.Handle(f.Fd())
		err = windows.NtQueryInformationProcess(h, windows.ProcessImageFileMapping, unsafe.Pointer(&file), uint32(unsafe.Sizeof(file)), nil) //nolint:gosec // the form of the call
		if !isImage(err, layout.UnderWine()) {
			return fmt.Errorf("it does not run what is at %s by now: %w", f.Name(), err)
		}
		return nil
	})
}

// isImage reads the system's answer whether a file is the image of a process.
// Wine does not know the question; there the path stands for the image.
func isImage(answer error, underWine bool) bool {
	return answer == nil || underWine && errors.Is(answer, windows.STATUS_INVALID_INFO_CLASS)
}
