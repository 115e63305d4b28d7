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

// makeParents creates the directories above the state directory. The nearest one gets the
// access list of the product's data folder. Only administrators can read its files.
func makeParents(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // Windows has no modes
		return err
	}
	err := makeWithAccess(dir, layout.DataAccess)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// makePrivate creates a directory that only SYSTEM, administrators and this user may access,
// from its creation.
func makePrivate(path string) error { return makeWithAccess(path, layout.StateAccess) }

// makeWithAccess creates a directory with an access list for a service. A user who is not an
// administrator cannot set another owner. So that user becomes the owner and gets access.
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

// checkOwner checks the directory's owner and access list.
func checkOwner(path string, _ fs.FileInfo) error {
	if layout.UnderWine() { // Wine stores access lists as modes, and returns other lists
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

// checkPrivate returns an error for a directory of another owner, for inherited access, and
// for access by anybody else.
func checkPrivate(path string, access files.AccessList, self string) error {
	fix := layout.SetAccessCommand(path, layout.StateAccess)
	if !files.IsTrustedSID(access.Owner) && access.Owner != self {
		return fmt.Errorf("state directory %s belongs to %s; run as an administrator, in cmd: %s", path, access.Owner, fix)
	}
	if !access.Protected {
		return fmt.Errorf("state directory %s takes its access from the directory above; run as an administrator, in cmd: %s", path, fix)
	}
	for _, sid := range access.UntrustedWith(^windows.ACCESS_MASK(0), self) {
		return fmt.Errorf("state directory %s is open to %s; run as an administrator, in cmd: %s", path, sid, fix)
	}
	return nil
}
