package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// probeSize is what a probe writes: as much as a record of an auth token takes.
const probeSize = 16 << 10

// Probe proves that the store can be written: it takes every step of a Put with
// a file of its own, and removes it. A redemption begins with it, since a count
// whose token cannot be kept is lost.
func (s *Sealed) Probe(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("store: probe %s: %w", s.path, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	file := tempName() // swept, should a crash leave it
	err := s.write(file, make([]byte, probeSize))
	if removed := s.root.Remove(file); err == nil {
		err = removed
	}
	if err != nil {
		return fmt.Errorf("store: %s cannot be written, %s: %w", s.path, remedy(err), err)
	}
	return nil
}

// remedy says what to do about a directory that cannot be written.
func remedy(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "give it back to the user that the daemon runs as"
	case errors.Is(err, fs.ErrNotExist):
		return "it was removed while the daemon runs, restart the daemon"
	}
	return "free space on its file system or make that writable"
}
