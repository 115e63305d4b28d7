package statedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"

	"regent/platform/files"
	"regent/platform/layout"
)

// makeParents makes the directories above the state directory. The nearest one is
// made as the product's own folder, whose content is not for everybody.
func makeParents(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // modes mean nothing here
		return err
	}
	err := makeWithAccess(dir, layout.DataAccess)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// makePrivate makes a directory that is SYSTEM's, the administrators' and this
// user's alone from its first moment.
func makePrivate(path string) error { return makeWithAccess(path, layout.StateAccess) }

// makeWithAccess makes a directory with an access list that is meant for a service. Who is
// no administrator can give it to nobody else, owns it, and is let in too.
func makeWithAccess(path, access string) error {
	self, err := files.OwnSID()
	if err != nil {
		return err
	}
	if !files.IsAdministrator() {
		_, list, _ := strings.Cut(access, "D:")
		access = "O:" + self + "D:" + list + "(A;OICI;FA;;;" + self + ")"
	}
	sd, err := windows.SecurityDescriptorFromString(access)
	if err != nil {
		return fmt.Errorf("[unexpected] access list %s: %w", access, err)
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return err
	}
	sa := windows.SecurityAttributes{SecurityDescriptor: sd}
	sa.Length = uint32(unsafe.Sizeof(sa))
	if err := windows.CreateDirectory(name, &sa); err != nil {
		return &fs.PathError{Op: "make the directory", Path: path, Err: err}
	}
	return nil
}

// checkOwner reads back whose the directory is and who may go there.
func checkOwner(path string, _ fs.FileInfo) error {
	if layout.UnderWine() { // it makes modes of access lists, and other lists of those
		return nil
	}
	access, err := files.ReadAccess(path)
	if err != nil {
		return fmt.Errorf("state directory %s: %w", path, err)
	}
	self, err := files.OwnSID()
	if err != nil {
		return fmt.Errorf("state directory %s: %w", path, err)
	}
	return checkPrivate(path, access, self)
}

// checkPrivate refuses a directory that is a stranger's, that takes its access from
// above, or where anybody else may do anything.
func checkPrivate(path string, access files.AccessList, self string) error {
	mend := layout.SetAccessCommand(path, layout.StateAccess)
	if !files.IsTrustedSID(access.Owner) && access.Owner != self {
		return fmt.Errorf("state directory %s belongs to %s; run as an administrator, in cmd: %s", path, access.Owner, mend)
	}
	if !access.Protected {
		return fmt.Errorf("state directory %s takes its access from the directory above; run as an administrator, in cmd: %s", path, mend)
	}
	for _, sid := range access.UntrustedWith(^windows.ACCESS_MASK(0), self) {
		return fmt.Errorf("state directory %s is open to %s; run as an administrator, in cmd: %s", path, sid, mend)
	}
	return nil
}
