package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// probeSize is the size of a probe in bytes, like the record of an auth token.
const probeSize = 16 << 10

// Probe tests whether the store can be written. It does every step of a Put with a temporary
// file. A redemption begins with it: if the store cannot store the auth token, the count is
// lost.
func (s *Sealed) Probe(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("store: probe %s: %w", s.path, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	file := tempName() // after a crash, Open removes it
	err := s.write(file, make([]byte, probeSize))
	if removed := s.root.Remove(file); err == nil {
		err = removed
	}
	if err != nil {
		return fmt.Errorf("store: %s cannot be written, %s: %w", s.path, remedy(err), err)
	}
	return nil
}

// remedy returns the next step for a directory that cannot be written.
func remedy(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "make regentd's user its owner again"
	case errors.Is(err, fs.ErrNotExist):
		return "it was deleted while regentd runs, restart regentd"
	}
	return "free space on its file system or make the file system writable"
}
