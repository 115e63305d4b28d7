package tokenfile

import (
	"io/fs"
	"time"
)

// sighting is what the watcher remembers of one path between two looks.
type sighting struct {
	seen  fs.FileInfo     // at the last look; nil if there was no file
	since time.Time       // when it was first seen as it is
	done  bool            // this very file was delivered
	quiet map[string]bool // failures reported since the file last was well or away
}

// step is what to do about a path after a look at it.
type step int

const (
	rest    step = iota // nothing to do until something changes
	settle              // look again soon: it may still be written
	deliver             // it kept still for long enough
)

// look decides what to do at now, when info was found at the path; nil is no
// file. whole reports whether a file that kept still so long is not being
// written any more.
func (s *sighting) look(info fs.FileInfo, now time.Time, whole func(kept time.Duration) bool) step {
	before := s.seen
	s.seen = info
	switch {
	case info == nil:
		*s = sighting{}
		return rest
	case before == nil || !sameFile(before, info):
		s.done, s.since = false, now
		return settle
	case s.done:
		return rest
	case !whole(now.Sub(s.since)):
		return settle
	}
	return deliver
}

// delivered records how a delivery went and tells whether its failure is news.
// A file that failed is delivered again at a later look: its cause may lie
// elsewhere and pass.
func (s *sighting) delivered(err error) (news bool) {
	s.done = err == nil
	if err == nil {
		s.quiet = nil
		return false
	}
	if s.quiet[err.Error()] {
		return false
	}
	if s.quiet == nil {
		s.quiet = map[string]bool{}
	}
	s.quiet[err.Error()] = true
	return true
}
