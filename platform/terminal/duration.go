package terminal

import (
	"fmt"
	"time"
)

// Duration returns d for people, with at most two units, such as "9 min 5 s". It
// shows a negative duration as "0 s".
func Duration(d time.Duration) string {
	s := int64(max(0, d) / time.Second)
	m, h := s/60, s/3600
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case m < 10 && s%60 != 0:
		return fmt.Sprintf("%d min %d s", m, s%60)
	case m < 60:
		return fmt.Sprintf("%d min", m)
	case h < 10 && m%60 != 0:
		return fmt.Sprintf("%d h %d min", h, m%60)
	case h < 48:
		return fmt.Sprintf("%d h", h)
	}
	return fmt.Sprintf("%d days", h/24)
}
