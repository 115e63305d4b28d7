package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// The level counts every Put and Delete that the store ever took. It only ever
// grows, so an older copy of the directory, or of one file in it, has a lower
// one; that is what a [Mark] outside of the directory is compared with.
//
// It is the sum of the versions of all records and of the tally: a sealed file
// whose version counts what deleted records took out of the sum, and one more
// for each deletion.
const (
	deletionsFile  = "tally.sealed"
	deletionsName  = "tally of deletions"
	deletionsValue = "counts in its version what deleted records had in theirs"
)

// countWrite counts one more write, and tells who follows the level. The caller holds mu.
func (s *Sealed) countWrite() {
	s.level++
	select {
	case s.onWrite <- struct{}{}:
	default: // whoever follows has yet to look
	}
}

// Level returns the store's level. The first call reads every record; those that
// cannot be read count nothing.
func (s *Sealed) Level(ctx context.Context) (uint64, error) {
	s.mu.Lock()
	known := s.levelled
	level := s.level
	s.mu.Unlock()
	if known {
		return level, nil
	}
	if _, _, err := s.Verify(ctx); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.level, nil
}

// deletions reads the tally; none is 0.
func (s *Sealed) deletions() (Version, error) {
	rec, err := s.read(deletionsFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, err
	case rec.name != deletionsName || string(rec.value) != deletionsValue:
		return 0, fmt.Errorf("%s/%s holds the record %q: %w", s.path, deletionsFile, rec.name, ErrKey)
	}
	return rec.version, nil
}

// countDeletion counts a record into the tally, durably, before it is removed: a crash
// in between makes the level too high, never too low.
func (s *Sealed) countDeletion(name string) error {
	var gone Version
	if rec, err := s.load(name); err == nil {
		gone = rec.version
	} else {
		gone = s.seen[name] // of one that cannot be read, what was seen of it
	}
	before, err := s.deletions()
	if err != nil {
		return err
	}
	return s.write(deletionsFile, s.sealer.seal(deletionsName, before+gone+1, []byte(deletionsValue)))
}
