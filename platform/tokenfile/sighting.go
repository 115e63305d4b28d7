package tokenfile

import "io/fs"

// sighting is what the watcher remembers of one path between two looks.
type sighting struct {
	seen  fs.FileInfo     // at the last look; nil if there was no file
	done  bool            // this very file was delivered
	quiet map[string]bool // failures reported since the file last was well or away
}

// step is what to do about a path after a look at it.
type step int

const (
	rest    step = iota // nothing to do until something changes
	settle              // look again soon: it may still be written
	deliver             // it kept still since the last look
)

// look decides what to do now that info was found at the path; nil is no file.
// Two looks at the same file are at least the settling time apart, so a file
// that did not change between them is not being written.
func (s *sighting) look(info fs.FileInfo) step {
	before := s.seen
	s.seen = info
	if info == nil {
		*s = sighting{}
		return rest
	}
	if before == nil || !sameFile(before, info) {
		s.done = false
		return settle
	}
	if s.done {
		return rest
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
