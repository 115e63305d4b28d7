package tokenfile

import (
	"io/fs"
	"slices"
	"time"
)

// fileState is the state of one path between two checks.
type fileState struct {
	lastInfo fs.FileInfo // at the last check; nil if there was no file
	since    time.Time   // the first check that saw this state
	done     bool        // this file was delivered
	reported []string    // failures reported since the last success or absence
}

// action is the next step for a path after a check.
type action int

const (
	actionNone    action = iota // wait for a change
	actionSettle                // check again soon: it may still be written
	actionDeliver               // it has not changed for long enough
)

// observe returns the action at now, for the info found at the path; nil means no file.
// whole reports whether a file that has not changed for kept is complete.
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

// recordDelivery stores the result of a delivery, and reports whether its failure is new. A
// failed file is delivered again at a later check, because the cause may be elsewhere.
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
