package device

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

const reportsAllResumes = true

// farFuture is a time of day, in seconds, that no timer set to it will reach.
const farFuture = 1 << 40

// watchResumes waits for a timer that nobody ever reaches to be cancelled: timerfd_create(2)
// says that TFD_TIMER_CANCEL_ON_SET does that when the time of day jumps, and the
// kernel does it at each resume as well (timerfd_resume, in fs/timerfd.c; before
// Linux 5.14 as part of setting the clock then). So a set clock is told too.
func watchResumes() (<-chan struct{}, func() error, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, nil, fmt.Errorf("power: notices of resume: %w", err)
	}
	timer := os.NewFile(uintptr(fd), "timerfd")
	if err := armTimer(fd); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("power: notices of resume: %w", err), timer.Close())
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

// forwardResumes passes each cancellation on until timer is closed. The kernel reports one
// once, and then goes on.
func forwardResumes(timer *os.File, woke chan<- struct{}) {
	var expirations [8]byte
	for {
		_, err := timer.Read(expirations[:])
		if !errors.Is(err, unix.ECANCELED) {
			return
		}
		select {
		case woke <- struct{}{}:
		default: // the last one was not heard yet
		}
	}
}
