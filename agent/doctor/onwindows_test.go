package doctor

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/fault"
)

// windowsDevice is a Windows system on which nothing is wrong.
func windowsDevice(f *Facts) {
	f.Units = nil
	f.Socket.Path = `\\.\pipe\regent`
	f.Windows = &Windows{
		Service:     &Service{Name: "regentd", State: ServiceRunning, Start: StartAutomatic, PID: 7},
		PipeOwner:   &PipeOwner{PID: 7, Exe: `C:\Program Files\Regent\regentd.exe`},
		AccessLists: []BroadAccess{},
		TimeService: &Service{Name: "W32Time", State: ServiceRunning, Start: StartAutomatic, PID: 9},
	}
	f.Proxies = []Proxy{{Host: "demo-host.com", Where: "the Internet settings of this user", Proxy: "proxy.example:8080"}}
}

// stoppedService is one whose service has ended, and where nobody has the pipe.
func stoppedService(f *Facts, s Service) {
	stoppedDevice(f, ConnectionNoSocket)
	windowsDevice(f)
	s.Name = "regentd"
	f.Windows.Service, f.Windows.PipeOwner = &s, nil
}

// foreignPipe is one whose pipe somebody else has.
func foreignPipe(f *Facts, reached Connection) {
	stoppedService(f, Service{State: ServiceEnded, Start: StartAutomatic, Exit: 1})
	f.Socket.Connection = reached
	f.Windows.PipeOwner = &PipeOwner{PID: 66, Exe: `C:\other.exe`}
}

func faultsOnWindows() []faultCase {
	with := func(change func(*Facts)) func(*Facts) {
		return func(f *Facts) { windowsDevice(f); change(f) }
	}
	service := func(s Service) func(*Facts) { return func(f *Facts) { stoppedService(f, s) } }
	way := func(step fault.Stage, proxy string) func(*Facts) {
		return with(func(f *Facts) {
			w := &f.Daemon.ServiceChecks[0]
			w.Stage, w.Failure, w.Provider, w.Proxy = step, "it failed", "", proxy
		})
	}
	return []faultCase{
		{"windows: not installed", service(Service{State: ServiceNotInstalled}), ServiceMissing},
		{"windows: stopped", service(Service{State: ServiceEnded, Start: StartAutomatic}), ServiceStopped},
		{"windows: disabled", service(Service{State: ServiceEnded, Start: StartDisabled, Exit: 1}), ServiceDisabled},
		{"windows: fails", service(Service{State: ServiceEnded, Start: StartAutomatic, Exit: 1}), ServiceFailing},
		{"windows: fails by its file", func(f *Facts) {
			stoppedService(f, Service{State: ServiceEnded, Start: StartAutomatic, Exit: 1})
			f.Config = &Config{[]string{"config.yaml:2"}}
		}, ConfigInvalid},
		{"windows: no pipe", service(Service{State: ServiceRunning, Start: StartAutomatic, PID: 7}), SocketMissing},
		{"windows: stuck", with(func(f *Facts) { f.Daemon, f.Socket.Connection, f.Socket.Failure = nil, ConnectionTimeout, "why" }), DaemonSilent},
		{"windows: somebody else's pipe", func(f *Facts) { foreignPipe(f, ConnectionForeign) }, PipeSquatted},
		{"windows: an administrator's pipe", func(f *Facts) { foreignPipe(f, ConnectionTimeout) }, PipeSquatted},
		{"windows: a pipe that nobody may open", func(f *Facts) { foreignPipe(f, ConnectionForbidden); f.Windows.PipeOwner = nil }, PipeSquatted},
		{"windows: a pipe that is kept busy", func(f *Facts) { foreignPipe(f, ConnectionTimeout); f.Windows.PipeOwner = nil }, PipeSquatted},
		{"windows: a busy pipe before the service was installed", func(f *Facts) {
			foreignPipe(f, ConnectionTimeout)
			f.Windows.PipeOwner, f.Windows.Service = nil, &Service{Name: "regentd", State: ServiceNotInstalled}
		}, PipeSquatted},
		{"windows: a service that keeps its pipe busy", func(f *Facts) {
			foreignPipe(f, ConnectionTimeout)
			f.Windows.PipeOwner, f.Windows.Service = nil, &Service{Name: "regentd", State: ServiceRunning, PID: 7}
		}, DaemonSilent},
		{"windows: before a service that runs", func(f *Facts) {
			foreignPipe(f, ConnectionTimeout)
			f.Windows.Service.State, f.Windows.Service.PID = ServiceRunning, 7
		}, PipeSquatted},
		{"windows: the service as another account", with(func(f *Facts) {
			f.Daemon, f.Socket.Connection, f.Socket.Failure = nil, ConnectionForeign, "why"
		}), SocketForeign},
		{"windows: by hand while it is stopped", with(func(f *Facts) { f.Windows.Service.State, f.Windows.Service.PID = ServiceEnded, 0 }), TwoDaemons},
		{"windows: by hand beside it", with(func(f *Facts) { f.Windows.Service.PID = 8 }), TwoDaemons},
		{"windows: widened", with(func(f *Facts) {
			f.Windows.AccessLists = []BroadAccess{{`C:\ProgramData\Regent\state`, "S-1-1-0 may read it", "icacls"}}
		}), PermissionsTooBroad},
		{"windows: proxy for the name", way(fault.StageDNS, ""), ProxyNotConfigured},
		{"windows: proxy for the connection", way(fault.StageConnect, ""), ProxyNotConfigured},
		{"windows: another proxy", way(fault.StageProxy, "old.example:8080"), ProxyNotConfigured},
		{"windows: the same proxy", way(fault.StageProxy, "proxy.example:8080"), ProxyUnreachable},
		{"windows: a proxy script", func(f *Facts) { way(fault.StageDNS, "")(f); f.Proxies[0].Proxy = "" }, ProxyNotConfigured},
		{"windows: a proxy for another host", func(f *Facts) { way(fault.StageDNS, "")(f); f.Proxies[0].Host = "else.example" }, DNSFailed},
		{"windows: what no proxy helps", way(fault.StageTrust, ""), TLSUnknownCA},
		{"windows: clock disabled", with(func(f *Facts) { f.Windows.TimeService.State, f.Windows.TimeService.Start = ServiceEnded, StartDisabled }), TimeServiceStopped},
		{"windows: clock stopped", with(func(f *Facts) { f.Windows.TimeService.State = ServiceEnded }), TimeServiceStopped},
		{"windows: clock resting and off", with(func(f *Facts) {
			f.Windows.TimeService.State, f.Windows.TimeService.Start, f.Daemon.ServiceChecks[0].SkewSeconds = ServiceEnded, StartManual, -61
		}), TimeServiceStopped},
		{"windows: clock stopped and wrong", with(func(f *Facts) {
			f.Windows.TimeService.State, f.Daemon.ServiceChecks[0].SkewSeconds = ServiceEnded, 901
		}), ClockWrong},
	}
}

// What is no fault is none, and what could not be looked at is said.
func TestJudgeOnWindows(t *testing.T) {
	none := []string{"service", "access lists", "time service"}
	tests := []struct {
		name    string
		is      func(*Facts)
		skipped []string
	}{
		{"well", func(*Facts) {}, nil},
		{"a clock that is kept when it is wanted", func(f *Facts) {
			f.Windows.TimeService.State, f.Windows.TimeService.Start, f.Daemon.ServiceChecks[0].SkewSeconds = ServiceEnded, StartManual, 60
		}, nil},
		{"a proxy that nobody needs", func(f *Facts) { f.Proxies[0].Proxy = "" }, nil},
		{"no service, and one by hand", func(f *Facts) { f.Windows.Service = &Service{State: ServiceNotInstalled} }, nil},
		{"nothing could be looked at", func(f *Facts) { f.Windows = &Windows{} }, none},
		{"no time service", func(f *Facts) { f.Windows.TimeService.State = ServiceNotInstalled }, none[2:]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := healthyDevice()
			windowsDevice(&f)
			tt.is(&f)
			r := Judge(f)
			var skipped []string
			for _, s := range r.Skipped {
				skipped = append(skipped, s.Check)
			}
			if len(r.Findings) > 0 {
				t.Errorf("found %+v", r.Findings)
			}
			if diff := cmp.Diff(skipped, tt.skipped); diff != "" {
				t.Errorf("skipped (-got +want):\n%s", diff)
			}
		})
	}
}

// What an administrator of a Windows is told can be typed there.
func TestNextOnWindows(t *testing.T) {
	for _, tt := range faultsOnWindows() {
		f := healthyDevice()
		tt.apply(&f)
		for _, got := range Judge(f).Findings {
			for _, foreign := range []string{"systemctl", "journalctl", "chmod", "(ss ", "PROXY,", "NUMBER", "COMMAND"} {
				if strings.Contains(got.Next, foreign) && f.Windows.PipeOwner != nil && f.Proxies[0].Proxy != "" {
					t.Errorf("%s: %q is in %q", tt.name, foreign, got.Next)
				}
			}
			f.Audience = User
			if e, _ := Lookup(got.Code); Judge(f).Findings[0].Next != e.User {
				t.Errorf("%s: a user is told %q", tt.name, got.Next)
			}
		}
	}
}

// The evidence has what was seen, and no more.
func TestEvidenceOnWindows(t *testing.T) {
	for name, want := range map[string]string{
		"windows: somebody else's pipe":        `why; process 66 (C:\other.exe) has it`,
		"windows: an administrator's pipe":     `process 66 (C:\other.exe) has it; the service regentd is stopped`,
		"windows: a pipe that is kept busy":    "another process has it and does not answer; the service regentd is stopped",
		"windows: before a service that runs":  `process 66 (C:\other.exe) has it; the service regentd is process 7`,
		"windows: by hand beside it":           "the service regentd is running, process 8, but process 7 answers",
		"windows: by hand while it is stopped": "the service regentd is stopped, but process 7 answers",
		"windows: fails":                       "the service regentd is stopped, and ended with code 1",
		"windows: another proxy":               "proxy old.example:8080: it failed; the service connects through the proxy old.example:8080; in the Internet settings of this user: proxy.example:8080",
		"windows: a proxy script":              "it failed; the service connects without a proxy; in the Internet settings of this user: a script for proxies",
		"windows: clock resting and off":       "the service W32Time is stopped, its start is manual, and by demo-host.com this device's clock is 1m1s ahead of the service's",
	} {
		found := false
		for _, tt := range faultsOnWindows() {
			if tt.name != name {
				continue
			}
			found = true
			f := healthyDevice()
			tt.apply(&f)
			if got := Judge(f).Findings[0].Evidence; got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		if !found {
			t.Errorf("there is no fault %q", name)
		}
	}
}
