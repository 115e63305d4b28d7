// Package service registers, starts and stops a program as a Windows service.
//
// On Linux and macOS the packages bring a file for the system's own manager, so this
// package does nothing there. It does not know what the program does.
package service

import (
	"context"
	"errors"
)

// ErrUnsupported means that the system's own tools are the way.
var ErrUnsupported = errors.New("not supported on this system: the package registers regentd; see systemctl or launchctl")

// Program runs until ctx is done, then finishes what is under way. It calls ready
// once it serves.
type Program func(ctx context.Context, ready func()) error

// StartedByManager reports whether the service manager has started this process.
func StartedByManager() bool { return startedByManager() }

// Run runs the program as the service, and returns after it has ended. Told to
// stop, or that the system shuts down, the manager is told that the service is
// stopping, then ctx is done, and after the program's end that it has stopped. A
// program that ends of itself ends the process with exit code 1, which the
// manager takes for a crash, and starts it again.
func Run(p Program) error { return run(p) }

// Install registers this executable, started with the system, and its event log
// source.
func Install() error { return install() }

// Configure gives the registered service what whoever registered it could not: an
// MSI's table of recovery actions does not work. A service calls it of itself, at
// each start.
func Configure() error { return configureOwn() }

// Uninstall stops the service and takes away what Install registered; what the
// program keeps stays.
func Uninstall() error { return uninstall() }

// Start has the manager start the service, and returns once it serves.
func Start() error { return start() }

// Stop has the manager stop the service, and returns once it has ended.
func Stop() error { return stop() }

// Status returns a word: running, stopped, not installed, or what the manager
// calls it on the way.
func Status() (string, error) { return state() }

// Log writes one entry to the event log, as information, as a warning or as an
// error, until Close.
type Log interface {
	Info(text string) error
	Warning(text string) error
	Error(text string) error
	Close() error
}

// OpenLog opens the service's event log.
func OpenLog() (Log, error) { return openLog() }
