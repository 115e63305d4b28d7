// Package service registers, starts and stops a program as a Windows service.
//
// On Linux and macOS the packages contain a file for the system's service manager, so this
// package does nothing there. It does not know the purpose of the program.
package service

import (
	"context"
	"errors"

	"regent/platform/layout"
)

// ErrUnsupported means that the system's own tools do this.
var ErrUnsupported = errors.New("not supported on this system: the package registers regentd; see systemctl or launchctl")

// Program runs until ctx is done, and then finishes its work. It calls ready once it accepts
// requests.
type Program func(ctx context.Context, ready func()) error

// Status returns one of the states, for example running, stopped or not installed.
func Status() (string, error) {
	seen, err := Query(layout.Service)
	return seen.State, err
}

// Log writes entries to the event log, as information, warning or error, until Close.
type Log interface {
	Info(text string) error
	Warning(text string) error
	Error(text string) error
	Close() error
}
