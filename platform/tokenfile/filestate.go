package tokenfile

import (
	"io/fs"
	"slices"
	"time"
)

// fileState is what the watcher remembers of one path between two looks.
type fileState struct {
	lastInfo fs.FileInfo // at the last look; nil if there was no file
	since    time.Time   // when it was first seen as it is
	done     bool        // this very file was delivered
	reported []string    // failures reported since the file last was well or away
}

// action is what to do about a path after a look at it.
type action int

const (
	actionNone    action = iota // nothing to do until something changes
	actionSettle                // look again soon: it may still be written
	actionDeliver               // it kept still for long enough
)

// observe decides what to do at now, when info was found at the path; nil is no
// file. whole reports whether a file that kept still so long is not being
// written any more.
func (s *fileState) observe(info fs.FileInfo, now time.Time, whole func(kept time.Duration) bool) action {
	before := s.lastInfo
	s.lastInfo = info
	switch {
	case info == nil:
		*s = fileState{}
		return actionNone
	case before == nil || !sameFile(before, info):
		s.done, s.since = false, now
		return actionSettle
	case s.done:
		return actionNone
	case !whole(now.Sub(s.since)):
		return actionSettle
	}
	return actionDeliver
}

// recordDelivery records how a delivery went and tells whether its failure is news.
// A file that failed is delivered again at a later look: its cause may lie
// elsewhere and pass.
func (s *fileState) recordDelivery(err error) (news bool) {
	s.done = err == nil
	if err == nil {
		s.reported = nil
		return false
	}
	news = !slices.Contains(s.reported, err.Error())
	if news {
		s.reported = append(s.reported, err.Error())
	}
	return news
}
