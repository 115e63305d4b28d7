package store

import (
	"context"
	"errors"
	"io/fs"
)

// The level counts every Put and Delete of the store. It only grows, so an older copy of the
// directory, or of one file in it, has a lower level. [OpenMark] compares it with the [Mark]
// outside of the directory.
//
// The level is the sum of the versions of all records and of the tally. The tally is a
// sealed file. Its version is the sum of the versions of all deleted records, plus 1 for
// each deletion.
const (
	deletionsFile  = "tally.sealed"
	deletionsName  = "tally of deletions"
	deletionsValue = "counts in its version what deleted records had in theirs"
)

// countWrite adds 1 to the level and signals onWrite. The caller holds mu.
func (s *Sealed) countWrite() {
	s.level++
	select {
	case s.onWrite <- struct{}{}:
	default: // a signal is pending already
	}
}

// Level returns the store's level. The first call reads every record. Unreadable records
// count 0.
func (s *Sealed) Level(ctx context.Context) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.levelled {
		if _, _, err := s.verify(ctx); err != nil {
			return 0, err
		}
	}
	return s.level, nil
}

// deletions returns the version of the tally, or 0 if there is none.
func (s *Sealed) deletions() (Version, error) {
	raw, err := s.readRaw(deletionsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return s.sealer.openCounter(raw, deletionsName, deletionsValue)
}

// countDeletion adds a record to the tally, durably, before its deletion. A crash between
// the two makes the level too high, never too low.
func (s *Sealed) countDeletion(name string) error {
	_, _ = s.load(name) // if it cannot be read, its last known version counts
	before, err := s.deletions()
	if err != nil {
		return err
	}
	return s.write(deletionsFile, s.sealer.seal(deletionsName, before+s.seen[name]+1, []byte(deletionsValue)))
}
