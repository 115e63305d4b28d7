package service

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/kardianos/service"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"
	"golang.org/x/sys/windows/svc/mgr"

	"regent/platform/layout"
)

// Install registers this executable as a service with automatic start, and its event log
// source.
func Install() error {
	s, err := service.New(&program{}, config())
	if err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	if err := s.Install(); err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	if err := withService(configure); err != nil {
		return errors.Join(fmt.Errorf("install the service: %w", err), s.Uninstall())
	}
	return nil
}

// Configure sets the recovery actions of the registered service, since an MSI's table of
// recovery actions does not work. A service calls it for itself at each start.
func Configure() error { return withService(configure) }

// configure sets the options that the library lacks. It ignores options that the system does
// not support.
func configure(s *mgr.Service) error {
	return errors.Join(
		ignoreUnsupported("recovery actions", s.SetRecoveryActions(recovery(), uint32(layout.RecoveryReset/time.Second))),
		ignoreUnsupported("recovery of errors", s.SetRecoveryActionsOnNonCrashFailures(true)),
		ignoreUnsupported("delayed start", setDelayed(s)),
		ignoreUnsupported("required privileges", setPrivileges(s)),
	)
}

// recovery returns the actions of the service manager after the first, the second and each
// further failure.
func recovery() (actions []mgr.RecoveryAction) {
	for _, d := range layout.RecoveryDelays() {
		actions = append(actions, mgr.RecoveryAction{Type: mgr.ServiceRestart, Delay: d})
	}
	return actions
}

func ignoreUnsupported(what string, err error) error {
	if err == nil || errors.Is(err, windows.ERROR_INVALID_LEVEL) {
		return nil
	}
	return fmt.Errorf("set its %s: %w", what, err)
}

func setDelayed(s *mgr.Service) error {
	info := windows.SERVICE_DELAYED_AUTO_START_INFO{}
	if layout.ServiceDelayed {
		info.IsDelayedAutoStartUp = 1
	}
	return changeConfig(s, windows.SERVICE_CONFIG_DELAYED_AUTO_START_INFO, unsafe.Pointer(&info)) //nolint:gosec // the API takes addresses
}

func setPrivileges(s *mgr.Service) error {
	list, err := multiString(layout.ServicePrivileges())
	if err != nil {
		return err
	}
	info := struct{ privileges *uint16 }{&list[0]}                                                 // SERVICE_REQUIRED_PRIVILEGES_INFO
	return changeConfig(s, windows.SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, unsafe.Pointer(&info)) //nolint:gosec // the API takes addresses
}

func changeConfig(s *mgr.Service, level uint32, info unsafe.Pointer) error {
	return windows.ChangeServiceConfig2(s.Handle, level, (*byte)(info))
}

// multiString returns texts as a multi-string: each text ends with a zero, and one more zero
// ends the list.
func multiString(texts []string) (all []uint16, err error) {
	for _, t := range texts {
		one, err := windows.UTF16FromString(t)
		if err != nil {
			return nil, err
		}
		all = append(all, one...)
	}
	return append(all, 0), nil
}

// Uninstall stops the service and removes the registration. It keeps the program's data.
func Uninstall() error {
	if err := Stop(); err != nil && !errors.Is(err, errNotRunning) {
		return fmt.Errorf("uninstall the service: %w", err)
	}
	s, err := service.New(&program{}, config())
	if err == nil {
		err = s.Uninstall()
	}
	if err != nil {
		return fmt.Errorf("uninstall the service: %w", err)
	}
	return nil
}

// withService calls do with the service, opened with all rights.
func withService(do func(*mgr.Service) error) error {
	m, err := mgr.Connect()
	if err != nil {
		return fmt.Errorf("connect to the service manager: %w; run this command as an administrator", err)
	}
	defer m.Disconnect() //nolint:errcheck // nothing follows
	s, err := m.OpenService(layout.Service)
	if err != nil {
		return fmt.Errorf("open the service %s: %w", layout.Service, err)
	}
	defer s.Close() //nolint:errcheck // nothing follows
	return do(s)
}

// errNotRunning means that the service is not running.
var errNotRunning = errors.New("it is not running")

const (
	pollInterval = 100 * time.Millisecond
	maxStateWait = 2 * time.Minute // for a start or a drain
)

// Start starts the service through the manager, and returns when it runs.
func Start() error {
	return withService(func(s *mgr.Service) error {
		if err := s.Start(); err != nil {
			return fmt.Errorf("start the service: %w; its event log has the cause", err)
		}
		return waitForState(s, svc.Running)
	})
}

// Stop stops the service through the manager, and returns when it has ended.
func Stop() error {
	return withService(func(s *mgr.Service) error {
		_, err := s.Control(svc.Stop)
		if errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
			return errNotRunning
		}
		if err != nil {
			return fmt.Errorf("stop the service: %w", err)
		}
		return waitForState(s, svc.Stopped)
	})
}

// waitForState returns when the service is in the state want, or has stopped instead.
func waitForState(s *mgr.Service, want svc.State) error {
	for range maxStateWait / pollInterval {
		now, err := s.Query()
		switch {
		case err != nil:
			return fmt.Errorf("query the state of the service: %w", err)
		case now.State == want:
			return nil
		case now.State == svc.Stopped:
			return errors.New("the service has stopped; its event log has the cause")
		}
		time.Sleep(pollInterval)
	}
	return fmt.Errorf("the service has not finished within %s; check it again: regentd service status", maxStateWait)
}

// eventLogger writes to the event log.
type eventLogger struct{ *eventlog.Log }

// OpenLog opens the service's event log.
func OpenLog() (Log, error) {
	l, err := eventlog.Open(layout.EventSource)
	if err != nil {
		return nil, fmt.Errorf("open the event log: %w", err)
	}
	return eventLogger{l}, nil
}

func (e eventLogger) Info(text string) error    { return e.Log.Info(layout.EventInfo, text) }
func (e eventLogger) Warning(text string) error { return e.Log.Warning(layout.EventWarning, text) }
func (e eventLogger) Error(text string) error   { return e.Log.Error(layout.EventError, text) }
