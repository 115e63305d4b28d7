// Package service registers, starts and stops a program as a Windows service.
//
// On Linux and macOS the packages bring a file for the system's own manager, so this
// package does nothing there. It does not know what the program does.
package service

import (
	"context"
	"errors"

	"regent/platform/layout"
)

// ErrUnsupported means that the system's own tools are the way.
var ErrUnsupported = errors.New("not supported on this system: the package registers regentd; see systemctl or launchctl")

// Program runs until ctx is done, then finishes what is under way. It calls ready
// once it serves.
type Program func(ctx context.Context, ready func()) error

// Status returns a word: running, stopped, not installed, or another of the states.
func Status() (string, error) {
	seen, err := Query(layout.Service)
	return seen.State, err
}

// Log writes one entry to the event log, as information, as a warning or as an
// error, until Close.
type Log interface {
	Info(text string) error
	Warning(text string) error
	Error(text string) error
	Close() error
}
