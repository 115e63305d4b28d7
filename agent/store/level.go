package store

import (
	"context"
	"errors"
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
	defer s.mu.Unlock()
	if !s.levelled {
		if _, _, err := s.verify(ctx); err != nil {
			return 0, err
		}
	}
	return s.level, nil
}

// deletions reads the tally; none is 0.
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

// countDeletion counts a record into the tally, durably, before it is removed: a crash
// in between makes the level too high, never too low.
func (s *Sealed) countDeletion(name string) error {
	_, _ = s.load(name) // of one that cannot be read counts what was seen of it
	before, err := s.deletions()
	if err != nil {
		return err
	}
	return s.write(deletionsFile, s.sealer.seal(deletionsName, before+s.seen[name]+1, []byte(deletionsValue)))
}
