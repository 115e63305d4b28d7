package device

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

const reportsAllResumes = true

// farFuture is a time of day in seconds that no timer reaches.
const farFuture = 1 << 40

// watchResumes waits until the kernel cancels a timer that never expires. With
// TFD_TIMER_CANCEL_ON_SET (timerfd_create(2)) the kernel does so when the time of day jumps.
// It also does so at each resume: timerfd_resume in fs/timerfd.c, and before Linux 5.14 as a
// part of setting the clock. So a change of the clock is reported too.
func watchResumes() (<-chan struct{}, func() error, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, nil, fmt.Errorf("power: watch for resumes: %w", err)
	}
	timer := os.NewFile(uintptr(fd), "timerfd")
	if err := armTimer(fd); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("power: watch for resumes: %w", err), timer.Close())
	}
	woke := make(chan struct{}, 1)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		defer close(woke)
		forwardResumes(timer, woke)
	})
	return woke, func() error { err := timer.Close(); waiting.Wait(); return err }, nil
}

func armTimer(fd int) error {
	never := unix.ItimerSpec{Value: unix.Timespec{Sec: farFuture}}
	return unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &never, nil)
}

// forwardResumes sends each cancellation to woke until timer is closed. The kernel reports
// each cancellation once.
func forwardResumes(timer *os.File, woke chan<- struct{}) {
	var expirations [8]byte
	for {
		_, err := timer.Read(expirations[:])
		if !errors.Is(err, unix.ECANCELED) {
			return
		}
		select {
		case woke <- struct{}{}:
		default: // the previous one is still unread
		}
	}
}
