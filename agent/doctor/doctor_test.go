package doctor

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/fault"
	"regent/agent/status"
)

func TestTable(t *testing.T) {
	word := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seen := map[Code]bool{}
	for _, e := range Table() {
		if !word.MatchString(string(e.Code)) || seen[e.Code] {
			t.Errorf("code %q is no word, or stands there twice", e.Code)
		}
		seen[e.Code] = true
		if e.Severity.rank() < 0 {
			t.Errorf("%s: severity %q", e.Code, e.Severity)
		}
		if e.Title == "" || strings.HasSuffix(e.Title, ".") {
			t.Errorf("%s: title %q is no title", e.Code, e.Title)
		}
		for what, text := range map[string]string{"cause": e.Cause, "user": e.User, "administrator": e.Administrator, "contact": e.Contact} {
			if text == "" || strings.ToUpper(text[:1]) != text[:1] && !strings.HasPrefix(text, "journalctl") && !strings.HasPrefix(text, "regent") {
				t.Errorf("%s: %s: %q is no sentence", e.Code, what, text)
			}
			if strings.Contains(text+e.OnWindows, "{") {
				t.Errorf("%s: %s: %q names a sentence that codes.json does not have", e.Code, what, text)
			}
		}
	}
}

// healthyDevice is a device on which nothing is wrong.
func healthyDevice() Facts {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return Facts{
		Audience: Administrator, Client: Client{"1.0.0"}, Socket: Socket{Path: "/run/regent/agent.sock", Connection: ConnectionAnswered},
		Units: []Unit{{Name: DaemonUnit, Active: "active", Result: "success"}},
		Daemon: &Daemon{
			PID: 7, StateDir: "/var/lib/regent", Audience: Administrator,
			Status: status.Status{Version: "1.0.0", Now: at, Health: status.Serving, Summary: "as it is", Applications: []status.Application{
				{ID: "cad", Tenant: "demo-host.com", Rules: 1, Instances: []status.Instance{{Name: "cad/1", State: "live", ExpiresIn: 60}}},
			}},
			ServiceChecks:      []ServiceCheck{{Host: "demo-host.com", Stage: fault.StageDone, Issuer: "CN=Example CA", Provider: "https://idp realm ems", SkewSeconds: 3}},
			RegistrationTokens: []RegistrationToken{{Tenant: "demo-host.com", Fingerprint: "0123abcd"}},
		},
	}
}

// stoppedDevice is a device whose daemon does not answer.
func stoppedDevice(f *Facts, reached Connection) {
	f.Daemon, f.Units, f.Socket.Connection, f.Socket.Failure = nil, nil, reached, "why"
}

func unit(f *Facts, active, result string, exit int) {
	stoppedDevice(f, ConnectionTimeout)
	f.Units = []Unit{{Name: DaemonUnit, Active: active, Result: result, Exit: exit}}
}

func oneInstance(f *Facts, state, fault string) {
	i := &f.Daemon.Status.Applications[0].Instances[0]
	i.State, i.ExpiresIn = state, 0
	if fault != "" {
		i.LastFault = &status.Fault{Code: fault, Detail: "the service said so"}
	}
}

// faultCase is one thing that is wrong, and the one code that is to come of it.
type faultCase struct {
	name  string
	apply func(*Facts)
	want  Code
}

// TestJudge makes one thing wrong at a time: each code comes from it alone, and
// every code of the table can come.
func TestJudge(t *testing.T) {
	way := func(change func(*ServiceCheck)) func(*Facts) {
		return func(f *Facts) { change(&f.Daemon.ServiceChecks[0]) }
	}
	step := func(s fault.Stage) func(*Facts) {
		return way(func(w *ServiceCheck) { w.Stage, w.Failure, w.Provider = s, "it failed", "" })
	}
	unusable := func(kind string) func(*Facts) {
		return func(f *Facts) {
			f.Daemon.Unusable, f.Daemon.RegistrationTokens = kind, nil
			oneInstance(f, status.Unknown, "")
		}
	}
	refused := func(kind, words string) func(*Facts) {
		return func(f *Facts) {
			oneInstance(f, "unredeemed", kind)
			f.Daemon.RegistrationTokens[0].Refused, f.Daemon.RegistrationTokens[0].Message, f.Daemon.RegistrationTokens[0].Pending = kind, words, 1
		}
	}
	tests := []faultCase{
		{"settings", step(fault.StageSettings), NetworkSettings},
		{"name", step(fault.StageDNS), DNSFailed},
		{"port", step(fault.StageConnect), TCPUnreachable},
		{"no proxy", step(fault.StageProxy), ProxyUnreachable},
		{"407", way(func(w *ServiceCheck) { w.Stage, w.ProxyStatus = fault.StageProxy, 407 }), ProxyAuthentication},
		{"403", way(func(w *ServiceCheck) { w.Stage, w.ProxyStatus = fault.StageProxy, 403 }), ProxyRefused},
		{"a proxy of the user's, for the name", func(f *Facts) { step(fault.StageDNS)(f); f.Proxies = []Proxy{{"demo-host.com", "here", "p:1", ""}} }, ProxyNotConfigured},
		{"the proxy of both", func(f *Facts) {
			way(func(w *ServiceCheck) { w.Stage, w.Proxy = fault.StageProxy, "p:1" })(f)
			f.Proxies = []Proxy{{"demo-host.com", "here", "p:1", ""}}
		}, ProxyUnreachable},
		{"the environment, told as a problem too", func(f *Facts) {
			way(func(w *ServiceCheck) { w.Stage, w.Failure = fault.StageSettings, "tms: HTTPS_PROXY has quotes" })(f)
			f.Daemon.Status.Problems = []status.Problem{{Source: "environment", Detail: "HTTPS_PROXY has quotes; correct it"}}
		}, NetworkSettings},
		{"the CA file, told as a problem too", func(f *Facts) {
			way(func(w *ServiceCheck) {
				w.Stage, w.Failure = fault.StageSettings, "network.ca_file: open /ca.pem: no such file or directory"
			})(f)
			f.Daemon.Status.Problems = []status.Problem{{Source: "config.yaml:2", Detail: "network.ca_file: /ca.pem cannot be read"}}
		}, NetworkSettings},
		{"unknown CA", step(fault.StageTrust), TLSUnknownCA},
		{"minted", way(func(w *ServiceCheck) { w.Stage, w.Minted = fault.StageTrust, true }), TLSInterception},
		{"known product", way(func(w *ServiceCheck) { w.Stage, w.Issuer = fault.StageTrust, "O=Zscaler Inc." }), TLSInterception},
		{"trusted product", way(func(w *ServiceCheck) { w.Minted = true }), TLSInterceptionTrusted},
		{"certificate", step(fault.StageCertificate), TLSCertificate},
		{"another name", step(fault.StageName), TLSName},
		{"old TLS", step(fault.StageVersion), TLSVersion},
		{"a client certificate", step(fault.StageClientCertificate), TLSClientCertificate},
		{"an alert", step(fault.StageHandshake), TLSHandshake},
		{"no TLS", step(fault.StageTLS), NotTheService},
		{"unreadable answer", step(fault.StageAnswer), NotTheService},
		{"404", way(func(w *ServiceCheck) { w.Stage, w.Status, w.Provider = fault.StageAnswer, 404, "" }), NotTheService},
		{"a proxy's 502", way(func(w *ServiceCheck) { w.Stage, w.Status, w.Provider = fault.StageAnswer, 502, "" }), NotTheService},
		{"its own 503", way(func(w *ServiceCheck) { w.Stage, w.Status, w.ServiceShape = fault.StageAnswer, 503, true }), ServiceUnavailable},
		{"429", way(func(w *ServiceCheck) { w.Stage, w.Status = fault.StageAnswer, 429 }), ServiceUnavailable},
		{"ahead", way(func(w *ServiceCheck) { w.SkewSeconds = -901 }), ClockWrong},
		{"behind", way(func(w *ServiceCheck) { w.SkewSeconds = 901 }), ClockWrong},
		{"another realm", way(func(w *ServiceCheck) { w.Remembered = []string{"https://idp realm old"} }), ProviderMismatch},
		{"no token", func(f *Facts) { oneInstance(f, "unredeemed", ""); f.Daemon.RegistrationTokens = nil }, RegistrationMissing},
		{"another application's token", func(f *Facts) { oneInstance(f, "unredeemed", ""); f.Daemon.RegistrationTokens[0].Application = "sim" }, RegistrationMissing},
		{"asked again, without a token", func(f *Facts) {
			f.Daemon.Status.Applications[0].Instances[0].RedeemAsked = true
			f.Daemon.RegistrationTokens = nil
		}, RegistrationMissing},
		{"expired", refused("registration_expired", "x"), RegistrationExpired},
		{"expired and dropped", func(f *Facts) {
			oneInstance(f, "unredeemed", "registration_expired")
			f.Daemon.RegistrationTokens = nil
		}, RegistrationExpired},
		{"used up", refused("registration_exhausted", "x"), RegistrationExhausted},
		{"disabled", refused("registration_refused", "The token is Disabled."), RegistrationDisabled},
		{"unknown", refused("registration_refused", "unknown"), RegistrationRefused},
		{"uncertain", func(f *Facts) { oneInstance(f, "uncertain", "redemption_uncertain") }, RedemptionUncertain},
		{"unconfirmed", func(f *Facts) { oneInstance(f, "unredeemed", "redemption_unconfirmed") }, RedemptionUnconfirmed},
		{"revoked", func(f *Facts) { oneInstance(f, "revoked", "") }, Revoked},
		{"lost", func(f *Facts) { oneInstance(f, "refresh_lost", "") }, RefreshLost},
		{"off for long", func(f *Facts) { oneInstance(f, "refresh_expired", "") }, RefreshExpired},
		{"refused in each way", func(f *Facts) {
			f.Daemon.Status.Tenants = []status.Tenant{{Host: "demo-host.com", Refresh: &status.Refresh{Configured: "auto", Uncertain: "refused", Instances: []string{"cad/1"}}}}
		}, RefreshUncertain},
		{"sessions end", func(f *Facts) {
			f.Daemon.Status.Tenants = []status.Tenant{{Host: "demo-host.com", SessionsEndSeconds: 36_000}}
		}, SessionEnds},
		{"another name", func(f *Facts) {
			f.Daemon.Status.FQDN = &status.FQDN{Registered: "ws-1.example.com", Current: "laptop"}
		}, DeviceRenamed},
		{"locked", unusable("store_locked"), StoreLocked},
		{"unreadable", unusable("store_unreadable"), StoreUnreadable},
		{"a kind of later", unusable("store_of_later"), StoreUnreadable},
		{"missing", unusable("store_missing"), StoreMissing},
		{"rolled back", unusable("store_rolled_back"), StoreRolledBack},
		{"clone", unusable("quarantined"), Quarantined},
		{"full", func(f *Facts) { f.Daemon.Disk = Disk{true, "no space left on device"} }, DiskFull},
		{"read-only", func(f *Facts) { f.Daemon.Disk = Disk{false, "read-only file system"} }, StateNotWritable},
		{"bad file, no unit", func(f *Facts) { stoppedDevice(f, ConnectionNoSocket); f.Config = &Config{[]string{"config.yaml:2"}} }, ConfigInvalid},
		{"bad file, by the unit", func(f *Facts) { unit(f, "failed", "exit-code", 2); f.Config = &Config{[]string{"config.yaml:2"}} }, ConfigInvalid},
		{"bad file while it runs", func(f *Facts) { f.Daemon.Status.Problems = []status.Problem{{Source: ConfigSource, Detail: "x"}} }, ConfigInvalid},
		{"policy", func(f *Facts) {
			f.Daemon.Status.Problems = []status.Problem{{Source: "policy.d/10.yaml:3", Detail: "x"}}
		}, PolicyProblem},
		{"a key that needs a restart", func(f *Facts) {
			f.Daemon.Status.Problems = []status.Problem{{Source: "config.d/60.yaml:1", Detail: "log.format: " + NeedsRestart}}
		}, RestartNeeded},
		{"token file", func(f *Facts) {
			f.Daemon.Status.Problems = []status.Problem{{Source: RegistrationSource + "/etc/regent/registration-token", Detail: "stands in quotes"}}
		}, RegistrationFile},
		{"no application", func(f *Facts) { f.Daemon.Status.Applications = nil }, NoApplication},
		{"no rule, and denied", func(f *Facts) {
			f.Daemon.Status.Applications[0].Rules = 0
			f.Daemon.Denials = []Denial{{Application: "cad", Reason: "there is no rule"}}
		}, AllowRuleMissing},
		{"denied", func(f *Facts) {
			f.Daemon.Denials = []Denial{{Application: "cad", User: "mallory", Reason: "no rule", Times: 3}}
		}, Denied},
		{"no socket", func(f *Facts) { stoppedDevice(f, ConnectionNoSocket) }, SocketMissing},
		{"nobody listens", func(f *Facts) { stoppedDevice(f, ConnectionRefused) }, SocketRefused},
		{"kept out", func(f *Facts) { stoppedDevice(f, ConnectionForbidden); f.Socket.Closed = "mode 0600" }, SocketMode},
		{"kept out by a sandbox", func(f *Facts) { stoppedDevice(f, ConnectionForbidden) }, SocketMode},
		{"root gets through", func(f *Facts) { f.Socket.Closed = "mode 0600" }, SocketMode},
		{"somebody else", func(f *Facts) { stoppedDevice(f, ConnectionForeign) }, SocketForeign},
		{"silent", func(f *Facts) { stoppedDevice(f, ConnectionTimeout) }, DaemonSilent},
		{"short lives", func(f *Facts) {
			f.Daemon.Status.Health = status.Degraded
			f.Daemon.Status.Tenants = []status.Tenant{{Host: "demo-host.com", Limited: &status.Limited{FloorSeconds: 5, LifeSeconds: 3}}}
		}, RefreshLimited},
		{"one uncertain, and one waits for it", func(f *Facts) {
			f.Daemon.Status.Applications[0].Instances = []status.Instance{
				{Name: "cad/1", State: "uncertain", LastFault: &status.Fault{Code: "redemption_uncertain", Detail: "lost. Ask X. run: sudo regent ledger resolve r1 --consumed"}},
				{Name: "cad/2", State: "unredeemed", LastFault: &status.Fault{Code: "redemption_unconfirmed", Detail: "r1 is uncertain. Ask X. run: sudo regent ledger resolve r1 --consumed"}},
			}
		}, RedemptionUncertain},
		{"forgotten", func(f *Facts) {
			f.Daemon.Status.Health = status.Degraded
			f.Daemon.Status.Applications[0].Instances[0] = status.Instance{Name: "cad/1", State: "unredeemed", LastFault: &status.Fault{Code: "not_registered", Detail: "an administrator deleted its auth token"}}
		}, RedemptionManual},
		{"degraded for no cause", func(f *Facts) { f.Daemon.Status.Health = status.Degraded }, StatusDegraded},
		{"not serving for no cause", func(f *Facts) { f.Daemon.Status.Health = status.NotServing }, StatusNotServing},
		{"throttled", func(f *Facts) { stoppedDevice(f, ConnectionThrottled) }, Throttled},
		{"broken", func(f *Facts) { stoppedDevice(f, ConnectionFailed) }, DaemonSilent},
		{"older", func(f *Facts) { f.Client.Version = "1.1.0" }, DaemonVersion},
		{"log", func(f *Facts) {
			f.Daemon.Status.Problems = []status.Problem{{Source: LogSource, Detail: "records that could not be written to the log: 3: broken pipe"}}
		}, LogNotWritable},
		{"two", func(f *Facts) { f.Others = []Process{{8, "/var/lib/regent"}} }, TwoDaemons},
		{"one by hand in the unit's place", func(f *Facts) {
			f.Units[0].Active, f.Units[0].Result = "failed", "exit-code"
			f.Others = []Process{{8, "/var/lib/regent"}}
		}, TwoDaemons},
		{"stopped", func(f *Facts) { unit(f, "inactive", "success", 0) }, ServiceStopped},
		{"masked", func(f *Facts) { unit(f, Masked, "success", 0) }, ServiceMasked},
		{"failing", func(f *Facts) { unit(f, "activating", "exit-code", 1) }, ServiceFailing},
		{"credential", func(f *Facts) { unit(f, "failed", "exit-code", exitCredentials) }, ServiceCredential},
		{"machine-id", func(f *Facts) {
			unit(f, "failed", "exit-code", exitCredentials)
			f.Units[0].OtherMachine = true
		}, MachineIDChanged},
		{"passphrase", func(f *Facts) {
			unit(f, "inactive", "success", 0)
			f.Units = append(f.Units, Unit{Name: KeyUnit, Active: "failed", Result: "exit-code"})
		}, ServiceCredential},
	}
	came := map[Code]bool{}
	for _, tt := range append(tests, faultsOnWindows()...) {
		t.Run(tt.name, func(t *testing.T) {
			f := healthyDevice()
			tt.apply(&f)
			var got []Code
			for _, finding := range Judge(f).Findings {
				got = append(got, finding.Code)
				if finding.Evidence == "" || finding.Title == "" {
					t.Errorf("%+v has no evidence or no title", finding)
				}
			}
			if diff := cmp.Diff(got, []Code{tt.want}); diff != "" {
				t.Errorf("findings (-got +want):\n%s", diff)
			}
		})
		came[tt.want] = true
	}
	for _, e := range Table() {
		if !came[e.Code] {
			t.Errorf("%s is in the table, and nothing brings it", e.Code)
		}
	}
}

func TestJudgeHealthy(t *testing.T) {
	r := Judge(healthyDevice())
	if len(r.Findings) > 0 || len(r.Skipped) > 0 || r.Worst() != "" || len(r.Checked) != len(checks(healthyDevice())) {
		t.Errorf("of a device that is well: %+v", r)
	}
	b, err := json.Marshal(r)
	if err != nil || strings.Contains(string(b), "null") {
		t.Errorf("%s, %v: a list is never null", b, err)
	}
}

// The worst comes first and decides, whatever the order of the checks.
func TestWorst(t *testing.T) {
	f := healthyDevice()
	f.Client.Version = "2"
	f.Daemon.Disk = Disk{true, "no space"}
	f.Daemon.Denials = []Denial{{Application: "cad", Reason: "x"}}
	r := Judge(f)
	var got []Code
	for _, x := range r.Findings {
		got = append(got, x.Code)
	}
	if want := []Code{DiskFull, Denied, DaemonVersion}; !slices.Equal(got, want) || r.Worst() != Failure {
		t.Errorf("findings %v, worst %s; want %v, %s", got, r.Worst(), want, Failure)
	}
	f.Daemon.Disk = Disk{}
	if got := Judge(f).Worst(); got != Warning {
		t.Errorf("worst %s, want %s", got, Warning)
	}
}

// TestCauseIsFirst: a finding stands after its cause, also where the cause alone is
// but a warning.
func TestCauseIsFirst(t *testing.T) {
	tests := []struct {
		name  string
		wrong func(*Facts)
		want  []Code
	}{
		{"a file that was not taken", func(f *Facts) {
			oneInstance(f, "unredeemed", "")
			f.Client.Version = "2"
			f.Daemon.RegistrationTokens = nil
			f.Daemon.Status.Problems = []status.Problem{{Source: RegistrationSource + "/token", Detail: "is empty"}}
		}, []Code{RegistrationFile, RegistrationMissing, DaemonVersion}},
		{"a file that is no cause", func(f *Facts) {
			oneInstance(f, "revoked", "revoked")
			f.Daemon.Status.Problems = []status.Problem{{Source: RegistrationSource + "/token", Detail: "cannot be erased"}}
		}, []Code{Revoked, RegistrationFile}},
		{"a full disk", func(f *Facts) {
			oneInstance(f, "revoked", "revoked")
			f.Daemon.Disk = Disk{true, "no space"}
		}, []Code{DiskFull, Revoked}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := healthyDevice()
			tt.wrong(&f)
			var got []Code
			for _, x := range Judge(f).Findings {
				got = append(got, x.Code)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("findings %v, want %v", got, tt.want)
			}
		})
	}
}

// What can be typed is typed as it stands: the values that are known are in the
// next step, and what was seen is no second advice.
func TestNextNamesWhatIsKnown(t *testing.T) {
	faulty := func(state, code, detail string) func(*Facts) {
		return func(f *Facts) {
			oneInstance(f, state, code)
			f.Daemon.Status.Applications[0].Instances[0].LastFault.Detail = detail
		}
	}
	unusable := func(kind, summary string) func(*Facts) {
		return func(f *Facts) { f.Daemon.Unusable, f.Daemon.Status.Summary = kind, summary }
	}
	tests := []struct {
		name, next, evidence string
		wrong                func(*Facts)
	}{
		{"host", "getent hosts demo-host.com,", "no such host", func(f *Facts) {
			w := &f.Daemon.ServiceChecks[0]
			w.Host, w.Stage, w.Failure = "demo-host.com:8443", fault.StageDNS, "discover: nothing was sent to demo-host.com:8443: no such host"
		}},
		{"behind", "Set the clock", "this device's clock is 20m0s behind the service's", func(f *Facts) { f.Daemon.ServiceChecks[0].SkewSeconds = 1200 }},
		{"ahead", "Set the clock", "this device's clock is 20m0s ahead of the service's", func(f *Facts) { f.Daemon.ServiceChecks[0].SkewSeconds = -1200 }},
		{"provider", "sudo regent instances forget cad/1, then sudo regent instances redeem cad/1,", "the tenant names https://idp realm ems now; auth tokens are from old", func(f *Facts) {
			f.Daemon.ServiceChecks[0].Remembered = []string{"old"}
		}},
		{"refused", "regent instances redeem cad/1", `registration token 0123abcd, refused at 2026-11-23 12:00Z; waiting: cad/1; demo-host.com said: E-7 "No (none) left."`, func(f *Facts) {
			oneInstance(f, "unredeemed", "registration_exhausted")
			h := &f.Daemon.RegistrationTokens[0]
			h.Pending, h.Refused, h.RefusedAt = 1, "registration_exhausted", f.Daemon.Status.Now
			h.Message = `ask for more (demo-host.com said: E-7 "No (none) left.")`
		}},
		{"uncertain", "sudo regent ledger resolve regent-1 --consumed. Then run: sudo regent instances redeem cad/1,", `demo-host.com said: "Down. Try again"`, faulty("uncertain", "redemption_uncertain", `the answer was lost (demo-host.com said: "Down. Try again"). Ask the Contact Administrator whether tmsctl auth-token list shows regent-1. If it does, run: sudo regent ledger resolve regent-1 --consumed. If not, run it`)},
		{"revoked", "regent instances redeem cad/1,", `demo-host.com said: "Session not active"`, faulty("revoked", "revoked", `ended; redeem (demo-host.com said: "Session not active")`)},
		{"no key", "/var/lib/regent/keyring.passphrase", "the key is missing", unusable("store_missing", "the key is missing; nothing was changed; put it back")},
		{"copy", "regent store adopt", "a copy (changed: DMI UUID)", unusable("quarantined", "a copy (changed: DMI UUID), so nothing is served and nothing is asked")},
		{"denied", "regent explain --pid 42 --application cad", "once, last at 12:00:00Z by process 42 of user mallory (/bin/cad): no rule", func(f *Facts) {
			f.Daemon.Denials = []Denial{{Application: "cad", User: "mallory", Exe: "/bin/cad", PID: 42, Reason: "no rule", Times: 1, At: f.Daemon.Status.Now}}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := healthyDevice()
			tt.wrong(&f)
			got := Judge(f).Findings
			if len(got) != 1 || got[0].Evidence != tt.evidence || !strings.Contains(got[0].Next, tt.next) {
				t.Errorf("got %+v, want the evidence %q and %q in the next step", got, tt.evidence, tt.next)
			}
		})
	}
}

// Where several instances are meant, the next step is about each of them.
func TestNextOfSeveral(t *testing.T) {
	f := healthyDevice()
	instances := &f.Daemon.Status.Applications[0].Instances
	*instances = append(*instances, status.Instance{Name: "cad/2", State: "live"})
	f.Daemon.ServiceChecks[0].Remembered = []string{"old"}
	e, _ := Lookup(ProviderMismatch)
	if got := Judge(f).Findings[0].Next; got != e.Administrator {
		t.Errorf("got %q, want it as it is in the table", got)
	}
}

// A reader is told what they can do.
func TestAudience(t *testing.T) {
	f := healthyDevice()
	f.Daemon.Disk = Disk{true, "no space"}
	e, _ := Lookup(DiskFull)
	for reader, want := range map[Audience]string{User: e.User, Administrator: e.Administrator} {
		f.Audience = reader
		if got := Judge(f).Findings[0].Next; got != want {
			t.Errorf("%s is told %q, want %q", reader, got, want)
		}
	}
}
