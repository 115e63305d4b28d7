package main

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows/svc/mgr"

	"regent/agent/doctor"
	"regent/platform/layout"
	"regent/platform/localsock"
	"regent/platform/service"
)

// examine is regent doctor on this very system; with no daemon it looks for a real
// one.
func examine(t *testing.T, daemon *fake) doctor.Report {
	t.Helper()
	got := session{daemon: daemon, survey: theSystem(), inquire: askManager}.run(t, "doctor", "--json", "--socket", localsock.DefaultPath)
	var r doctor.Report
	if err := json.Unmarshal([]byte(got.Out), &r); err != nil {
		t.Fatalf("doctor says %+v: %v", got, err)
	}
	return r
}

func codes(r doctor.Report) (all []doctor.Code) {
	for _, f := range r.Findings {
		all = append(all, f.Code)
	}
	return all
}

// uninstalled skips where the service is installed: this test stands in its place.
func uninstalled(t *testing.T) {
	t.Helper()
	if s, err := service.Look(layout.Service); err != nil || s.State != service.NotInstalled {
		t.Skipf("not run: the service is %s here (%v)", s.State, err)
	}
}

// TestDaemonIsBesideThisProgram: doctor runs it, often as an administrator, and so
// looks nowhere that somebody else could put one.
func TestDaemonIsBesideThisProgram(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := daemonDirs(), []string{filepath.Dir(own)}; !slices.Equal(got, want) {
		t.Errorf("it is looked for in %q, want %q", got, want)
	}
}

// TestDoctorWithoutAService: nobody answers, and that is why.
func TestDoctorWithoutAService(t *testing.T) {
	uninstalled(t)
	if got := codes(examine(t, nil)); !slices.Equal(got, []doctor.Code{doctor.ServiceMissing}) {
		t.Errorf("got %v, want %s", got, doctor.ServiceMissing)
	}
}

// TestDoctorNamesTheSquatter: this process makes the pipe before the service can,
// as a user and as what looks like an administrator's.
func TestDoctorNamesTheSquatter(t *testing.T) {
	uninstalled(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, listen := range map[string]func() (net.Listener, error){
		"as a user":         func() (net.Listener, error) { return winio.ListenPipe(layout.Pipe, nil) },
		"as administrators": func() (net.Listener, error) { return localsock.Listen(layout.Pipe) },
	} {
		t.Run(name, func(t *testing.T) {
			l, err := listen()
			if err != nil {
				t.Fatal(err)
			}
			go deaf(l)
			defer l.Close()
			r := examine(t, nil)
			if got := codes(r); !slices.Equal(got, []doctor.Code{doctor.PipeSquatted}) {
				t.Fatalf("got %v, want %s: %+v", got, doctor.PipeSquatted, r.Findings)
			}
			if !strings.Contains(strings.ToLower(r.Findings[0].Evidence), strings.ToLower(exe)) {
				t.Errorf("it does not name %s: %s", exe, r.Findings[0].Evidence)
			}
		})
	}
}

// deaf takes connections and says nothing.
func deaf(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
	}
}

// TestDoctorNamesAClockThatNobodyKeeps registers a time service where there is
// none, and disables it.
func TestDoctorNamesAClockThatNobodyKeeps(t *testing.T) {
	uninstalled(t)
	if s, err := service.Look(layout.TimeService); err != nil || s.State != service.NotInstalled {
		t.Skipf("not run: this system has a time service (%v)", err)
	}
	daemon := examined(nil).daemon
	if got := codes(examine(t, daemon)); len(got) > 0 {
		t.Fatalf("before: got %v, want nothing", got)
	}
	disabled(t, layout.TimeService)
	if got := codes(examine(t, daemon)); !slices.Equal(got, []doctor.Code{doctor.ClockUnkept}) {
		t.Errorf("got %v, want %s", got, doctor.ClockUnkept)
	}
}

// disabled registers a service that is never started, for the length of a test.
func disabled(t *testing.T, name string) {
	t.Helper()
	m, err := mgr.Connect()
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.CreateService(name, os.Args[0], mgr.Config{StartType: mgr.StartDisabled})
	if err != nil {
		t.Fatal(errors.Join(err, m.Disconnect()))
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Delete(), s.Close(), m.Disconnect()); err != nil {
			t.Error(err)
		}
	})
}

// TestDoctorNamesTheProxyOfTheUser: the user's environment has one, and the daemon
// does not get out.
func TestDoctorNamesTheProxyOfTheUser(t *testing.T) {
	uninstalled(t)
	t.Setenv("HTTPS_PROXY", "http://user:secret@proxy.example:8080")
	lost := func(d *doctor.Daemon) {
		d.Ways = []doctor.Way{{Host: "demo-host.com:8443", Step: doctor.AtDNS, Failure: "no such host"}}
	}
	r := examine(t, examined(lost).daemon)
	if got := codes(r); !slices.Equal(got, []doctor.Code{doctor.ProxyUnseen}) {
		t.Fatalf("got %v, want %s", got, doctor.ProxyUnseen)
	}
	if e := r.Findings[0].Evidence; !strings.Contains(e, "proxy.example:8080") || strings.Contains(e, "secret") {
		t.Errorf("got %q, want the proxy's address without its password", e)
	}
}

// TestDoctorSpeaksAsTheManager: what is concluded from the words of the service
// manager is concluded from those that are used, and advised by the names.
func TestDoctorSpeaksAsTheManager(t *testing.T) {
	for _, w := range [][2]string{
		{doctor.ServiceRunning, service.Running},
		{doctor.ServiceEnded, service.Stopped},
		{doctor.ServiceNotInstalled, service.NotInstalled},
		{doctor.StartAutomatic, service.Automatic},
		{doctor.StartManual, service.Manual},
		{doctor.StartDisabled, service.Disabled},
	} {
		if w[0] != w[1] {
			t.Errorf("doctor reads %q, and the manager's room says %q", w[0], w[1])
		}
	}
	for code, name := range map[doctor.Code]string{
		doctor.ServiceDisabled: "sc.exe config " + layout.Service + " ",
		doctor.ClockUnkept:     "sc.exe config " + strings.ToLower(layout.TimeService) + " ",
	} {
		if e, _ := doctor.Lookup(code); !strings.Contains(e.Administrator, name) {
			t.Errorf("%s does not say %q: %s", code, name, e.Administrator)
		}
	}
	if e := doctor.OnWindows(doctor.ServiceFailing); !strings.Contains(e, "source "+layout.EventSource+")") {
		t.Errorf("it names another source of events: %s", e)
	}
}
