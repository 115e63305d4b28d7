package service

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc/mgr"

	"regent/platform/layout"
)

// checkRegistration compares what the manager has with what is meant.
func checkRegistration(s *mgr.Service) error {
	buffer := make([]byte, 8<<10) // the most that the call fills
	c, n := (*windows.QUERY_SERVICE_CONFIG)(unsafe.Pointer(&buffer[0])), uint32(0)
	if err := windows.QueryServiceConfig(s.Handle, c, uint32(len(buffer)), &n); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	var wrong []error
	want := func(what string, got, want any) {
		if got != want {
			wrong = append(wrong, fmt.Errorf("%s: got %v, want %v", what, got, want))
		}
	}
	want("display name", windows.UTF16PtrToString(c.DisplayName), layout.ServiceDisplayName)
	want("account", windows.UTF16PtrToString(c.ServiceStartName), layout.ServiceAccount)
	want("start type", c.StartType, uint32(mgr.StartAutomatic))
	want("image", strings.EqualFold(strings.ReplaceAll(windows.UTF16PtrToString(c.BinaryPathName), `"`, ""), exe+" "+layout.ServiceArguments), true)
	return errors.Join(append(wrong, checkRecovery(s))...)
}

// checkRecovery compares the recovery actions, where the manager keeps them.
func checkRecovery(s *mgr.Service) error {
	actions, err := s.RecoveryActions()
	if ignoreUnsupported("recovery", err) == nil && len(actions) == 0 {
		return nil // Wine takes them and keeps none
	}
	var got []time.Duration
	for _, a := range actions {
		if a.Type != mgr.ServiceRestart {
			return fmt.Errorf("recovery action %d, want a restart", a.Type)
		}
		got = append(got, a.Delay)
	}
	if want := layout.RecoveryDelays(); fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("recovery delays: got %v, want %v", got, want)
	}
	return nil
}

// checkEventSource compares what the registry has of the event log source: without the file
// of messages the log shows no text.
func checkEventSource() error {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, layout.EventLogKey, registry.QUERY_VALUE)
	if err != nil {
		return fmt.Errorf("the event log source: %w", err)
	}
	defer k.Close()
	file, _, err := k.GetStringValue("EventMessageFile")
	types, _, typesErr := k.GetIntegerValue("TypesSupported")
	if err := errors.Join(err, typesErr); err != nil {
		return fmt.Errorf("the event log source: %w", err)
	}
	if file != layout.EventMessageFile || types != layout.EventTypes {
		return fmt.Errorf("the event log source: got %q and types %d, want %q and %d", file, types, layout.EventMessageFile, layout.EventTypes)
	}
	return nil
}
