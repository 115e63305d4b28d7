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
	"regent/agent/fault"
	"regent/platform/layout"
	"regent/platform/localsock"
	"regent/platform/service"
)

// examineThisSystem is regent doctor on this very system; with no daemon it looks for a real
// one.
func examineThisSystem(t *testing.T, daemon *fakeDaemon) doctor.Report {
	t.Helper()
	got := cliRun{daemon: daemon, localFacts: newLocalFacts(), queryUnits: askManager}.run(t, "doctor", "--json", "--socket", localsock.DefaultPath)
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

// skipIfInstalled skips where the service is installed: this test stands in its place.
func skipIfInstalled(t *testing.T) {
	t.Helper()
	if s, err := service.Query(layout.Service); err != nil || s.State != service.NotInstalled {
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
	skipIfInstalled(t)
	if got := codes(examineThisSystem(t, nil)); !slices.Equal(got, []doctor.Code{doctor.ServiceMissing}) {
		t.Errorf("got %v, want %s", got, doctor.ServiceMissing)
	}
}

// TestDoctorPipeSquatter: this process makes the pipe before the service can,
// as a user and as what looks like an administrator's.
func TestDoctorPipeSquatter(t *testing.T) {
	skipIfInstalled(t)
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
			go acceptSilently(l)
			defer l.Close()
			r := examineThisSystem(t, nil)
			if got := codes(r); !slices.Equal(got, []doctor.Code{doctor.PipeSquatted}) {
				t.Fatalf("got %v, want %s: %+v", got, doctor.PipeSquatted, r.Findings)
			}
			if !strings.Contains(strings.ToLower(r.Findings[0].Evidence), strings.ToLower(exe)) {
				t.Errorf("it does not name %s: %s", exe, r.Findings[0].Evidence)
			}
		})
	}
}

// acceptSilently takes connections and says nothing.
func acceptSilently(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
	}
}

// TestDoctorTimeServiceDisabled registers a time service where there is
// none, and disables it.
func TestDoctorTimeServiceDisabled(t *testing.T) {
	skipIfInstalled(t)
	if s, err := service.Query(layout.TimeService); err != nil || s.State != service.NotInstalled {
		t.Skipf("not run: this system has a time service (%v)", err)
	}
	daemon := examineDevice(nil).daemon
	if got := codes(examineThisSystem(t, daemon)); len(got) > 0 {
		t.Fatalf("before: got %v, want nothing", got)
	}
	disableService(t, layout.TimeService)
	if got := codes(examineThisSystem(t, daemon)); !slices.Equal(got, []doctor.Code{doctor.TimeServiceStopped}) {
		t.Errorf("got %v, want %s", got, doctor.TimeServiceStopped)
	}
}

// disableService registers a service that is never started, for the length of a test.
func disableService(t *testing.T, name string) {
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
	skipIfInstalled(t)
	t.Setenv("HTTPS_PROXY", "http://user:secret@proxy.example:8080")
	lost := func(d *doctor.Daemon) {
		d.ServiceChecks = []doctor.ServiceCheck{{Host: "demo-host.com:8443", Stage: fault.StageDNS, Failure: "no such host"}}
	}
	r := examineThisSystem(t, examineDevice(lost).daemon)
	if got := codes(r); !slices.Equal(got, []doctor.Code{doctor.ProxyNotConfigured}) {
		t.Fatalf("got %v, want %s", got, doctor.ProxyNotConfigured)
	}
	if e := r.Findings[0].Evidence; !strings.Contains(e, "proxy.example:8080") || strings.Contains(e, "secret") {
		t.Errorf("got %q, want the proxy's address without its password", e)
	}
}

// TestDoctorServiceManagerErrors: what is concluded from the words of the service
// manager is concluded from those that are used, and advised by the names.
func TestDoctorServiceManagerErrors(t *testing.T) {
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
		doctor.ServiceDisabled:    "sc.exe config " + layout.Service + " ",
		doctor.TimeServiceStopped: "sc.exe config " + strings.ToLower(layout.TimeService) + " ",
	} {
		if e, _ := doctor.Lookup(code); !strings.Contains(e.Administrator, name) {
			t.Errorf("%s does not say %q: %s", code, name, e.Administrator)
		}
	}
	if e, _ := doctor.Lookup(doctor.ServiceFailing); !strings.Contains(e.OnWindows, "source "+layout.EventSource+")") {
		t.Errorf("it names another source of events: %s", e.OnWindows)
	}
}
