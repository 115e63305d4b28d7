package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"regent/platform/files"
)

// The mark of a file keyring is next to the state directory, because a restore brings back
// everything inside it. regentd may not write to some parents, such as /var/lib. There the
// package makes a directory with the name of the mark.
const (
	markSuffix = ".mark"
	markInside = "level"
	maxMark    = 4 << 10 // bytes
)

// markFile is the mark of the file keyring of a state directory.
type markFile string

// path returns the path of the mark.
func (m markFile) path() string {
	path := string(m) + markSuffix
	if i, err := os.Lstat(path); err == nil && i.IsDir() {
		return filepath.Join(path, markInside)
	}
	return path
}

func (m markFile) get() ([]byte, error) {
	mark, err := files.ReadRegular(m.path(), maxMark, os.Lstat)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.path(), err)
	}
	return mark, nil
}

func (m markFile) set(mark []byte) error {
	path := m.path()
	if i, err := os.Lstat(path); err == nil && !i.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file; move it away", path)
	}
	return files.Write(path, mark, 0o600)
}

func (m markFile) remove() error {
	path := m.path()
	if err := ignoreMissing(os.Remove(path)); err != nil {
		return err
	}
	return files.SyncDir(filepath.Dir(path))
}
