package service

import (
	"os"
	"testing"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc/mgr"
)

// TestQuery asks for services as any user may: one of the system's that runs, one
// that was only registered, and none.
func TestQuery(t *testing.T) {
	const name = "regent-test-look"
	if got, err := Query(name); err != nil || got != (Info{State: NotInstalled}) {
		t.Fatalf("before: got %+v, %v", got, err)
	}
	for _, tt := range []struct {
		start uint32
		want  string
	}{{mgr.StartDisabled, Disabled}, {mgr.StartManual, Manual}, {mgr.StartAutomatic, Automatic}} {
		register(t, name, tt.start)
		if got, err := Query(name); err != nil || got != (Info{State: Stopped, Start: tt.want}) {
			t.Errorf("registered: got %+v, %v, want stopped and %s", got, err, tt.want)
		}
		unregister(t, name)
	}
	got, err := Query("EventLog") // of every Windows, and of Wine
	if err != nil || got.State != Running || got.PID == 0 || got.PID == os.Getpid() || got.Exit != 0 {
		t.Errorf("of the system's own: got %+v, %v, want one that runs", got, err)
	}
}

func register(t *testing.T, name string, start uint32) {
	t.Helper()
	m, err := mgr.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Disconnect()
	s, err := m.CreateService(name, os.Args[0], mgr.Config{StartType: start})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func unregister(t *testing.T, name string) {
	t.Helper()
	m, err := mgr.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Disconnect()
	s, err := m.OpenService(name)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Delete(); err != nil {
		t.Error(err)
	}
}

// TestExitOf: the number of the system's, or the service's own, and none
// of one that nobody has started yet.
func TestExitOf(t *testing.T) {
	for _, tt := range []struct {
		status windows.SERVICE_STATUS_PROCESS
		want   int
	}{
		{windows.SERVICE_STATUS_PROCESS{}, 0},
		{windows.SERVICE_STATUS_PROCESS{Win32ExitCode: 1067}, 1067},
		{windows.SERVICE_STATUS_PROCESS{Win32ExitCode: uint32(windows.ERROR_SERVICE_SPECIFIC_ERROR), ServiceSpecificExitCode: 2}, 2},
		{windows.SERVICE_STATUS_PROCESS{Win32ExitCode: uint32(windows.ERROR_SERVICE_NEVER_STARTED)}, 0},
	} {
		if got := exitOf(tt.status); got != tt.want {
			t.Errorf("%+v: got %d, want %d", tt.status, got, tt.want)
		}
	}
}
