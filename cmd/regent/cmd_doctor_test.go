package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/agent/status"
	"regent/agent/tms/contract"
	"regent/ipc/client"
	"regent/platform/process"
)

// examineDevice is a device that is well, but for what change does.
func examineDevice(change func(*doctor.Daemon)) cliRun {
	d := doctor.Daemon{PID: 7, StateDir: "/var/lib/regent", Audience: doctor.Administrator, Status: servingDevice()}
	d.Status.Version = version
	if change != nil {
		change(&d)
	}
	return cliRun{
		daemon:     &fakeDaemon{status: d.Status, diagnosis: d},
		localFacts: soundFacts(),
		queryUnits: func(context.Context) ([]doctor.Unit, error) { return nil, nil },
	}
}

// soundFacts are of a device without a local problem.
func soundFacts() localFacts {
	return localFacts{
		name: func() string { return "ws1.example.com" }, socketMode: func(string) string { return "" }, proxies: userProxies,
		otherDaemons: func(doctor.Daemon) []doctor.Process { return nil },
		config:       func(context.Context, string) *doctor.Config { return nil },
	}
}

// TestDoctorNamesTheProxyOfThisUser: the environment of who asks has a proxy, and
// the daemon does not get out without one.
func TestDoctorNamesTheProxyOfThisUser(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://user:secret@proxy.example:8080")
	t.Setenv("NO_PROXY", "")
	t.Setenv("no_proxy", "")
	lost := func(d *doctor.Daemon) {
		d.ServiceChecks = []doctor.ServiceCheck{{Host: "demo-host.com:8443", Stage: fault.StageDNS, Failure: "no such host"}}
	}
	got := examineDevice(lost).run(t, "doctor")
	for _, want := range []string{"proxy_not_configured", "(HTTPS_PROXY): proxy.example:8080", "network.proxy: http://proxy.example:8080"} {
		if !strings.Contains(got.Out, want) || strings.Contains(got.Out, "secret") {
			t.Errorf("no %q, or a password, in:\n%s", want, got.Out)
		}
	}
}

// TestDoctorNamesAProxyThatCannotBeRead: what is wrong with the variable of who
// asks is told, and nothing of its text.
func TestDoctorNamesAProxyThatCannotBeRead(t *testing.T) {
	for _, tt := range []struct{ name, text, says string }{
		{"HTTPS_PROXY", "http://user:S3c%ret@proxy.corp:3128", "has a user or password that needs encoding"},
		{"https_proxy", "http:S3c%ret", `has no "://" after http`},
		{"HTTPS_PROXY", "S3c%ret@proxy.corp:3128", "has a user or password"},
		{"ALL_PROXY", "ftp://u:S3c%ret@proxy.corp", "is not an http, https or socks5 URL"},
		{"all_proxy", "proxy.corp:S3c%ret", "has a port that is not a number"},
	} {
		t.Run(tt.name+" "+tt.text, func(t *testing.T) {
			for _, name := range []string{"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"} {
				t.Setenv(name, "")
			}
			t.Setenv(tt.name, tt.text)
			got := examineDevice(func(d *doctor.Daemon) {
				d.ServiceChecks = []doctor.ServiceCheck{{Host: "demo-host.com", Stage: fault.StageConnect, Failure: "connection refused"}}
			}).run(t, "doctor")
			text, name := strings.Join(strings.Fields(got.Out), " "), tt.name
			if runtime.GOOS == "windows" { // where one name has no case
				name = strings.ToUpper(name)
			}
			for _, want := range []string{"proxy_not_configured", "the environment of this user (" + name + "): an invalid proxy: it " + tt.says} {
				if !strings.Contains(text, want) || strings.Contains(text, "S3c") {
					t.Errorf("no %q, or a password, in:\n%s", want, got.Out)
				}
			}
		})
	}
}

func TestDoctor(t *testing.T) {
	full := func(d *doctor.Daemon) { d.Disk = doctor.Disk{Full: true, Failure: "no space left on device"} }
	older := func(d *doctor.Daemon) { d.Status.Version = "0.9" }
	tests := []struct {
		name   string
		change func(*doctor.Daemon)
		code   int
		says   []string
	}{
		{"well", nil, 0, []string{"Nothing is wrong.", "Checked: socket", "Not checked: service"}},
		{"failure", full, 7, []string{"disk_full: ", "Evidence  no space left on device", "Do        Free space"}},
		{"warning", older, 6, []string{"daemon_version: "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := examineDevice(tt.change).run(t, "doctor")
			if got.Code != tt.code || got.Err != "" {
				t.Errorf("got %+v, want code %d and no error text", got, tt.code)
			}
			for _, want := range tt.says {
				if !strings.Contains(got.Out, want) {
					t.Errorf("%q is not in:\n%s", want, got.Out)
				}
			}
			var r doctor.Report
			asJSON := examineDevice(tt.change).run(t, "doctor", "--json")
			if err := json.Unmarshal([]byte(asJSON.Out), &r); err != nil || asJSON.Code != tt.code {
				t.Errorf("--json: %+v, %v", asJSON, err)
			}
		})
	}
}

// TestDoctorIsThrottled: a daemon that answers "too often" is not silent.
func TestDoctorIsThrottled(t *testing.T) {
	s := examineDevice(nil)
	s.daemon.err = fault.Errorf("serve", fault.Throttled, "user 0 asks too often").WithRetry(time.Second)
	got := s.run(t, "doctor")
	for _, want := range []string{"throttled: throttled: another program", "user 0 asks too often", "gets too many calls and refuses them"} {
		if !strings.Contains(got.Out, want) || got.Code != 6 {
			t.Errorf("code %d, and no %q in:\n%s", got.Code, want, got.Out)
		}
	}
	if strings.Contains(got.Out, "daemon_silent") {
		t.Errorf("daemon_silent in:\n%s", got.Out)
	}
}

// What a finding says can hold the name of a file that somebody else chose: nothing
// of it speaks to the terminal.
func TestRenderFindingIsPrintable(t *testing.T) {
	const sneaky = "state\x1b]0;title\a\u202e"
	got := renderFinding(doctor.Finding{Code: doctor.PermissionsTooBroad, Subject: sneaky, Evidence: sneaky, Next: sneaky}, view{})
	if n := strings.Count(got, "state?]0;title??"); n != 3 || strings.ContainsAny(got, "\x1b\a\u202e") {
		t.Errorf("%d of 3 are clean: %q", n, got)
	}
}

// A dry run says what would be paid for, and asks for nothing but a diagnosis.
func TestDoctorDryRun(t *testing.T) {
	s := examineDevice(func(d *doctor.Daemon) {
		d.RegistrationTokens = []doctor.RegistrationToken{
			{Tenant: "demo-host.com", Fingerprint: "0123abcd", Pending: 2},
			{Tenant: "other.example", Application: "sim", Fingerprint: "89abcdef"},
		}
		d.ServiceChecks = []doctor.ServiceCheck{{Host: "demo-host.com", Stage: fault.StageDone}}
	})
	got := s.run(t, "doctor", "--check-registration")
	for _, want := range []string{"nothing was sent", "would use 2 counts", "has not refused it yet", "the configuration names no such tenant"} {
		if !strings.Contains(got.Out, want) {
			t.Errorf("%q is not in:\n%s", want, got.Out)
		}
	}
	if len(s.daemon.requests) != 0 {
		t.Errorf("it asked for %v", s.daemon.requests)
	}
	if got := examineDevice(nil).run(t, "doctor", "--check-registration"); !strings.Contains(got.Out, "Regent has no registration token") {
		t.Errorf("got %+v", got)
	}
}

func TestDoctorExplain(t *testing.T) {
	for _, code := range []string{"dns_failed", "no_free_instance"} { // one of the doctor, one of the interface
		if got := (cliRun{}).run(t, "doctor", "explain", code); got.Code != exitDone || !strings.HasPrefix(got.Out, "# "+code+"\n") {
			t.Errorf("%s: %+v", code, got)
		}
	}
	for _, args := range [][]string{{"doctor", "explain", "nonsense"}, {"doctor", "explain"}, {"doctor", "more"}} {
		if got := (cliRun{}).run(t, args...); got.Code != exitUsage {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

func TestConnectionOf(t *testing.T) {
	missing, err := client.DialChecked(t.Context(), filepath.Join(t.TempDir(), "none.sock"), client.Trust{})
	if missing != nil || client.ConnectionOf(err) != doctor.ConnectionNoSocket {
		t.Errorf("without a socket: %v, %s", err, client.ConnectionOf(err))
	}
	late := fmt.Errorf("status: %w", fmt.Errorf("%w: no answer within 5 s", client.ErrNotReachable))
	if got := client.ConnectionOf(late); got != doctor.ConnectionTimeout {
		t.Errorf("after a deadline: %s", got)
	}
	if got := client.ConnectionOf(nil); got != doctor.ConnectionAnswered {
		t.Errorf("of an answer: %s", got)
	}
}

func TestSharedPath(t *testing.T) {
	d := doctor.Daemon{Config: "/etc/regent/config.yaml", StateDir: "/var/lib/regent", Socket: "/run/regent/agent.sock"}
	own := []string{"regentd", "run", "--config=/home/dev/c.yaml", "--state-dir", "/home/dev/s", "--socket", "a.sock"}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"all its own", own, ""},
		{"the usual places", []string{"regentd", "run"}, "/etc/regent/config.yaml"},
		{"the same socket", []string{"regentd", "run", "--config", "/c", "--state-dir", "/s"}, "/run/regent/agent.sock"},
	}
	for _, tt := range tests {
		if got := sharedPath(process.Process{Dir: "/home/dev", Args: tt.args}, d); got != tt.want {
			t.Errorf("%s: shares %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestClosedSocket(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := checkSocketMode(file); got != "" {
		t.Errorf("of what is no socket: %q", got)
	}
	if got := checkSocketMode(filepath.Join(file, "x")); got != "" {
		t.Errorf("of what is not there (%v): %q", fs.ErrNotExist, got)
	}
}

func contractOf(fits contract.Fit) status.Contract {
	return status.Contract{Tenants: []contract.Block{{Tenant: "demo-host.com", Forms: []contract.Form{
		{Title: "service path", Tag: "O", Key: "contract.base_path", Configured: "/token/api/v5", Answers: []string{"/token/api/v5"}, Fits: contract.FitYes, Why: "idpConfigurations is there"},
		{Title: "refresh", Tag: "A", Key: "refresh.mode", Configured: "oidc", Answers: []string{"tms", "tms_registration"}, Fits: fits, Why: "these modes refused a made-up token, not the request"},
		{Title: "reply to a redemption", Tag: "F", Taken: "wrapped or bare", Key: "contract.reply", Configured: "any", Answers: []string{}, Fits: contract.FitUnknown, Why: "known after the first redemption"},
	}}}}
}

func TestDoctorContract(t *testing.T) {
	failed := contractOf(contract.FitYes)
	failed.Tenants[0].Failed = "network.ca_file: no such file"
	tests := []struct {
		name string
		c    status.Contract
		err  error
		code int
		want []string
	}{
		{"fits", contractOf(contract.FitYes), nil, exitDone, []string{"refresh A tms, tms_registration", "known after the first redemption", "no count was used", "----- end -----"}},
		{"does not fit", contractOf(contract.FitNo), nil, exitDegraded, []string{"DOES NOT FIT: refresh.mode is oidc", "set refresh.mode: tms or tms_registration"}},
		{"could not be asked", failed, nil, exitDegraded, []string{"cannot ask this tenant: network.ca_file"}},
		{"no tenant", status.Contract{}, nil, exitDone, []string{"names no tenant yet"}},
		{"denied", status.Contract{}, fault.Errorf("contract", fault.Denied, "for administrators"), exitDenied, []string{"for administrators"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := cliRun{daemon: &fakeDaemon{contract: tt.c, err: tt.err}}.run(t, "doctor", "--contract")
			for _, want := range tt.want {
				if !strings.Contains(strings.Join(strings.Fields(got.Out+got.Err), " "), want) {
					t.Errorf("got:\n%s%s\nwant %q", got.Out, got.Err, want)
				}
			}
			if got.Code != tt.code {
				t.Errorf("exit %d, want %d", got.Code, tt.code)
			}
		})
	}
}

// TestDoctorContractFitsATerminal of 80 columns.
func TestDoctorContractFitsATerminal(t *testing.T) {
	for line := range strings.Lines(renderContract(contractOf(contract.FitNo))) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 {
			t.Errorf("%d characters wide: %q", n, line)
		}
	}
}
