package device

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestWatchResumesReportsSetClock: no machine here may sleep, but a clock that is set
// comes the same way through the kernel. It takes root.
func TestWatchResumesReportsSetClock(t *testing.T) {
	woke, stop, err := WatchResumes()
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // each time, not the first only
		select {
		case <-woke:
			t.Fatal("told of a resume that was none")
		default:
		}
		if err := setClock(); errors.Is(err, unix.EPERM) {
			t.Skip("not run: setting the clock takes CAP_SYS_TIME")
		} else if err != nil {
			t.Fatal(err)
		}
		select {
		case <-woke:
		case <-time.After(time.Minute):
			t.Fatal("nobody was told")
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// setClock puts the time of day ahead by a microsecond, the least that is a change.
func setClock() error {
	_, err := unix.ClockAdjtime(unix.CLOCK_REALTIME, &unix.Timex{Modes: unix.ADJ_SETOFFSET, Time: unix.Timeval{Usec: 1}})
	return err
}
