package service

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// The rights to read. The library's functions request all rights.
const (
	managerAccess = windows.SC_MANAGER_CONNECT
	serviceAccess = windows.SERVICE_QUERY_STATUS | windows.SERVICE_QUERY_CONFIG
)

func query(name string) (Info, error) {
	manager, err := windows.OpenSCManager(nil, nil, managerAccess)
	if err != nil {
		return Info{}, fmt.Errorf("connect to the service manager: %w", err)
	}
	defer windows.CloseServiceHandle(manager) //nolint:errcheck // queried only
	text, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return Info{}, fmt.Errorf("service %q: %w", name, err)
	}
	s, err := windows.OpenService(manager, text, serviceAccess)
	if errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST) {
		return Info{State: NotInstalled}, nil
	}
	if err != nil {
		return Info{}, fmt.Errorf("open the service %s: %w", name, err)
	}
	defer windows.CloseServiceHandle(s) //nolint:errcheck // queried only
	seen, err := queryInfo(s)
	if err != nil {
		return Info{}, fmt.Errorf("query the service %s: %w", name, err)
	}
	return seen, nil
}

func queryInfo(s windows.Handle) (Info, error) {
	var now windows.SERVICE_STATUS_PROCESS
	n := uint32(0)
	if err := windows.QueryServiceStatusEx(s, windows.SC_STATUS_PROCESS_INFO, (*byte)(unsafe.Pointer(&now)), uint32(unsafe.Sizeof(now)), &n); err != nil { //nolint:gosec // the API takes addresses
		return Info{}, err
	}
	// The texts of the configuration follow the structure in the buffer.
	buffer := make([]uint64, 8<<10/8)                                // the maximum size of the result
	c := (*windows.QUERY_SERVICE_CONFIG)(unsafe.Pointer(&buffer[0])) //nolint:gosec // the API takes addresses
	if err := windows.QueryServiceConfig(s, c, 8<<10, &n); err != nil {
		return Info{}, err
	}
	return Info{State: stateOf(now.CurrentState), Start: startOf(c.StartType), PID: int(now.ProcessId), Exit: exitOf(now)}, nil
}

func stateOf(state uint32) string {
	word, known := map[uint32]string{
		windows.SERVICE_STOPPED: Stopped, windows.SERVICE_START_PENDING: Starting, windows.SERVICE_RUNNING: Running,
		windows.SERVICE_STOP_PENDING: Stopping,
	}[state]
	if !known {
		return Paused // or changing to or from this state
	}
	return word
}

func startOf(start uint32) string {
	switch start {
	case windows.SERVICE_DISABLED:
		return Disabled
	case windows.SERVICE_DEMAND_START:
		return Manual
	}
	return Automatic // at boot, early or late
}

// exitOf returns the exit code. It is also 0 for a service that was not started since boot.
func exitOf(s windows.SERVICE_STATUS_PROCESS) int {
	switch code := syscall.Errno(s.Win32ExitCode); code {
	case windows.ERROR_SERVICE_SPECIFIC_ERROR:
		return int(s.ServiceSpecificExitCode)
	case windows.ERROR_SERVICE_NEVER_STARTED:
		return 0
	default:
		return int(code)
	}
}
