package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// SetAside renames the files of damaged records from [Sealed.Verify] to NAME.corrupt-N. The
// store then has no such records. It returns the new paths.
func (s *Sealed) SetAside(ctx context.Context, damaged []Damage) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var moved []string
	for _, d := range damaged {
		if err := ctx.Err(); err != nil {
			return moved, fmt.Errorf("store: set aside: %w", err)
		}
		to, err := SetAside(filepath.Join(s.path, filepath.Base(d.Path)))
		if err != nil {
			return moved, err
		}
		if to != "" {
			moved = append(moved, to)
		}
		delete(s.seen, d.Name)
	}
	s.levelled = false
	return moved, nil
}

const maxCopies = 1000 // of one file

// SetAside renames a file or directory of the state to PATH.corrupt-N, durably. N is the
// first free number. It returns the new path, or "" if path does not exist.
func SetAside(path string) (string, error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	for n := 1; n <= maxCopies; n++ {
		to := fmt.Sprintf("%s.corrupt-%d", path, n)
		if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.Rename(path, to); err != nil {
			return "", fmt.Errorf("store: set aside: %w", err)
		}
		if err := SyncDir(filepath.Dir(path)); err != nil {
			return to, fmt.Errorf("store: set aside: %w", err)
		}
		return to, nil
	}
	return "", fmt.Errorf("store: there are %d damaged copies of %s; move them to another directory", maxCopies, path)
}
