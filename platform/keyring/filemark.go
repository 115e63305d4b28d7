package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"regent/platform/files"
)

// The mark of a file keyring is beside the state directory, since all that is in
// it comes back together. Where the parent is not ours to write, as /var/lib is
// not, the package makes a directory of the mark's name for it.
const (
	markSuffix = ".mark"
	markInside = "level"
	maxMark    = 4 << 10 // bytes
)

// markPath returns where the mark is.
func (f *fileKeyring) markPath() string {
	path := f.state + markSuffix
	if i, err := os.Lstat(path); err == nil && i.IsDir() {
		return filepath.Join(path, markInside)
	}
	return path
}

func (f *fileKeyring) mark() ([]byte, error) {
	path := f.markPath()
	i, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errNoItem
	case err != nil:
		return nil, err
	case !i.Mode().IsRegular() || i.Size() > maxMark:
		return nil, fmt.Errorf("%s is not a mark: it is no regular file, or too long", path)
	}
	return os.ReadFile(path) //nolint:gosec // beside the state directory, which the daemon was given
}

func (f *fileKeyring) setMark(mark []byte) error {
	path := f.markPath()
	if i, err := os.Lstat(path); err == nil && !i.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file; move it away", path)
	}
	return files.Write(path, mark, 0o600)
}

func (f *fileKeyring) removeMark() error {
	path := f.markPath()
	if err := ignoreMissing(os.Remove(path)); err != nil {
		return err
	}
	return files.SyncDir(filepath.Dir(path))
}
