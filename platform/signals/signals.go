// Package signals prevents SIGHUP and SIGPIPE from ending a daemon.
//
// A program that imports it receives SIGHUP from the initialization of this package. It has
// almost no imports, so that Go initializes it before most other packages. A signal in the
// first millisecond, before any Go code runs, still ends the process.
package signals

import (
	"os"
	"os/signal"
	"syscall"
)

var hangups = notifyHangup()

func notifyHangup() <-chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c
}

// CatchHangup keeps the process alive when the reader of its standard output or error ends:
// a write to a closed pipe returns an error (EPIPE). The channel receives the SIGHUPs since
// the start of the process; several unread ones are one. On Windows it receives nothing.
func CatchHangup() <-chan os.Signal {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // the write returns the error
	return hangups
}

// RestoreHangup restores the default effect of SIGHUP: it ends the process.
func RestoreHangup() { signal.Reset(syscall.SIGHUP) }
