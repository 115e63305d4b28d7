// Package signals keeps SIGHUP and SIGPIPE from ending a daemon.
//
// A program that imports it receives SIGHUP from the initialization of this package
// on. It imports next to nothing, so that Go initializes it before most others. Only a
// signal in the first millisecond, before any Go code runs, still ends the process.
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

// CatchHangup makes the process outlive whoever reads its standard output and error:
// writing to a closed pipe is an error (EPIPE) and not the end. The channel has
// the SIGHUPs since the start of the process, as one where there were several.
// On Windows nothing arrives.
func CatchHangup() <-chan os.Signal {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // the write says it
	return hangups
}

// RestoreHangup gives SIGHUP its usual effect back: it ends the process.
func RestoreHangup() { signal.Reset(syscall.SIGHUP) }
