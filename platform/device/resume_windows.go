package device

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

const reportsAllResumes = false

// What the system calls a resume: PBT_APMRESUMESUSPEND, for a person, and
// PBT_APMRESUMEAUTOMATIC, for any.
const (
	pbtResumeSuspend   = 7
	pbtResumeAutomatic = 18
)

// subscription is DEVICE_NOTIFY_SUBSCRIBE_PARAMETERS.
type subscription struct {
	callback uintptr
	context  uintptr
}

func watchResumes() (<-chan struct{}, func() error, error) {
	woke := make(chan struct{}, 1)
	tell := func(_, event, _ uintptr) uintptr {
		if event == pbtResumeAutomatic || event == pbtResumeSuspend {
			select {
			case woke <- struct{}{}:
			default: // the last one was not heard yet
			}
		}
		return 0
	}
	const deviceNotifyCallback = 2
	lib := windows.NewLazySystemDLL("powrprof.dll")
	ask, end := lib.NewProc("PowerRegisterSuspendResumeNotification"), lib.NewProc("PowerUnregisterSuspendResumeNotification")
	if err := ask.Find(); err != nil {
		return nil, nil, fmt.Errorf("power: notices of resume: %w", err)
	}
	var registration uintptr
	s := &subscription{callback: windows.NewCallback(tell)}
	if code, _, _ := ask.Call(deviceNotifyCallback, uintptr(unsafe.Pointer(s)), uintptr(unsafe.Pointer(&registration))); code != 0 { //nolint:gosec // the form of the call
		return nil, nil, fmt.Errorf("power: notices of resume: %w", windows.Errno(code))
	}
	stop := func() error {
		if code, _, _ := end.Call(registration); code != 0 {
			return fmt.Errorf("power: end the notices of resume: %w", windows.Errno(code))
		}
		return nil
	}
	return woke, stop, nil
}
