//go:build unix

package stories

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"regent/agent/doctor"
	"regent/agent/status"
	"regent/agent/tms/emulator"
	"regent/ipc/api"
)

func networkCases() []doctorCase {
	via := func(proxy func(*testing.T) string) func(*testing.T, *sickDevice) {
		return func(t *testing.T, w *sickDevice) {
			w.edit(t, "proxy: none", "proxy: "+proxy(t))
			w.edit(t, "https://127.0.0.1", "https://192.0.2.7") // nothing on loopback goes by a proxy
		}
	}
	return []doctorCase{
		{what: "the tenant's name is not known", want: doctor.DNSFailed, until: awaitTokenHeld, before: func(t *testing.T, w *sickDevice) {
			w.tenant(t, "https://tenant.invalid")
		}},
		{what: "the service's port is closed", want: doctor.TCPUnreachable, after: func(_ *testing.T, w *sickDevice) { w.line.cut() }},
		{what: "the proxy is not there", want: doctor.ProxyUnreachable, until: awaitTokenHeld, before: via(func(*testing.T) string { return "http://127.0.0.1:1" })},
		{what: "the proxy asks for a password", want: doctor.ProxyAuthentication, until: awaitTokenHeld, before: via(func(t *testing.T) string { return proxyWithStatus(t, 407) })},
		{what: "the proxy refuses the host", want: doctor.ProxyRefused, until: awaitTokenHeld, before: via(func(t *testing.T) string { return proxyWithStatus(t, 403) })},
		{what: "the file of CA certificates is gone", want: doctor.NetworkSettings, until: awaitTokenHeld, before: func(t *testing.T, w *sickDevice) {
			w.edit(t, "ca.pem", "gone.pem")
		}},
		{what: "another web server answers", want: doctor.NotTheService, after: func(t *testing.T, w *sickDevice) {
			s := httptest.NewTLSServer(http.NotFoundHandler())
			t.Cleanup(s.Close)
			w.line.redirect(s.Listener.Addr().String())
		}},
		{what: "a portal answers in the service's place", want: doctor.NotTheService, after: func(t *testing.T, w *sickDevice) {
			s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>Log in</html>") }))
			t.Cleanup(s.Close)
			w.line.redirect(s.Listener.Addr().String())
		}},
		{what: "what answers speaks no TLS", want: doctor.NotTheService, after: func(t *testing.T, w *sickDevice) {
			s := httptest.NewServer(http.NotFoundHandler())
			t.Cleanup(s.Close)
			w.line.redirect(s.Listener.Addr().String())
		}},
		{what: "the service is ill", want: doctor.ServiceUnavailable, after: func(t *testing.T, w *sickDevice) {
			must(t, w.service.SetFaults(emulator.Fault{Class: emulator.ClassDiscover, Status: 503, Count: 1000}))
		}},
		{what: "the device's clock is 20 minutes behind", want: doctor.ClockWrong, after: func(t *testing.T, w *sickDevice) {
			must(t, w.service.SetKnobs(emulator.Knobs{AccessLifetime: time.Hour, ClockOffset: 20 * time.Minute}))
		}},
		{what: "the tenant names another realm", want: doctor.ProviderMismatch, after: func(t *testing.T, w *sickDevice) {
			moved, err := emulator.New(emulator.Options{Realm: "moved"})
			must(t, err)
			s := httptest.NewTLSServer(moved)
			t.Cleanup(s.Close)
			w.line.redirect(s.Listener.Addr().String())
		}},
	}
}

func tlsCases() []doctorCase {
	return []doctorCase{
		{what: "the service's authority is not trusted", want: doctor.TLSUnknownCA, until: awaitTokenHeld, before: func(t *testing.T, w *sickDevice) {
			w.edit(t, "ca_file: "+w.dir+"/ca.pem, ", "")
		}},
		{what: "the certificate is for another name", want: doctor.TLSName, until: awaitTokenHeld, before: func(t *testing.T, w *sickDevice) {
			_, port, err := net.SplitHostPort(w.address)
			must(t, err)
			w.tenant(t, "https://localhost:"+port)
		}},
		{what: "the server speaks only TLS 1.1", want: doctor.TLSVersion, after: func(t *testing.T, w *sickDevice) {
			_, old := tlsInspector(t)
			old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
			w.line.open(old)
		}},
		{what: "the server asks for a client certificate", want: doctor.TLSClientCertificate, before: func(t *testing.T, w *sickDevice) {
			ca, gateway := tlsInspector(t)
			w.write(t, "ca.pem", ca)
			gateway.ClientAuth = tls.RequireAnyClientCert
			w.line.open(gateway)
		}, until: awaitTokenHeld},
		{what: "the server closes the connection during the handshake", want: doctor.TLSHandshake, after: func(t *testing.T, w *sickDevice) {
			_, none := tlsInspector(t)
			none.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, errors.New("none") }
			w.line.open(none)
		}},
		{what: "a product opens TLS, and is not trusted", want: doctor.TLSInterception, after: func(t *testing.T, w *sickDevice) {
			_, terminal := tlsInspector(t)
			w.line.open(terminal)
		}},
		{what: "a product opens TLS, and is trusted", want: doctor.TLSInterceptionTrusted, before: func(t *testing.T, w *sickDevice) {
			ca, terminal := tlsInspector(t)
			w.write(t, "ca.pem", ca)
			w.line.open(terminal)
		}},
	}
}

func tokenCases() []doctorCase {
	given := func(token func(*testing.T, *sickDevice) string) func(*testing.T, *sickDevice) {
		return func(t *testing.T, w *sickDevice) { w.write(t, "token", token(t, w)) }
	}
	return []doctorCase{
		{what: "no registration token was given", want: doctor.RegistrationMissing, until: awaitAnswer, before: func(t *testing.T, w *sickDevice) {
			must(t, os.Remove(filepath.Join(w.dir, "token")))
		}},
		{what: "the registration token has expired", want: doctor.RegistrationExpired, until: awaitFault, before: given(func(t *testing.T, w *sickDevice) string {
			token := newRegistrationToken(t, w, "2d")
			must(t, w.service.SetKnobs(emulator.Knobs{ClockOffset: 96 * time.Hour}))
			return token
		}), after: func(t *testing.T, w *sickDevice) { must(t, w.service.SetKnobs(emulator.Knobs{})) }},
		{what: "the registration token is used up", want: doctor.RegistrationExhausted, after: func(t *testing.T, w *sickDevice) {
			w.edit(t, "instances: 1", "instances: 2")
			w.restart(t, func() {})
			awaitFault(t, w)
		}, before: func(t *testing.T, w *sickDevice) {
			token, err := w.service.IssueRegistrationToken("one", 1)
			must(t, err)
			w.write(t, "token", token)
			w.edit(t, "tenant:", "keep_registration_token: true\ntenant:")
		}},
		{what: "the registration token is disabled", want: doctor.RegistrationDisabled, until: awaitFault, before: given(func(t *testing.T, w *sickDevice) string {
			token := newRegistrationToken(t, w, "30d")
			w.administer(t, "registration-token", "disable", tokenID(t, w, "made"))
			return token
		})},
		{what: "the registration token is another tenant's", want: doctor.RegistrationRefused, until: awaitFault, before: given(func(*testing.T, *sickDevice) string {
			return base64.StdEncoding.EncodeToString([]byte("agent-0123456:another-tenant's"))
		})},
		{what: "the answer to a redemption is lost", want: doctor.RedemptionUncertain, until: awaitAnswer, before: func(t *testing.T, w *sickDevice) {
			must(t, w.service.SetFaults(emulator.Fault{Class: emulator.ClassRedeem, AfterCommit: true}))
		}, after: func(t *testing.T, w *sickDevice) { w.await(t, "uncertain") }},
		{what: "an administrator deleted the auth token", want: doctor.Revoked, before: func(t *testing.T, w *sickDevice) {
			must(t, w.service.SetKnobs(emulator.Knobs{AccessLifetime: 8 * time.Second}))
		}, after: func(t *testing.T, w *sickDevice) {
			w.awaitRefreshMode(t) // before that, no refusal ends an auth token
			st, err := w.client.Status(t.Context())
			must(t, err)
			if !w.service.DeleteAuthToken(st.Applications[0].Instances[0].AuthTokenID) {
				t.Fatal("there is no such auth token")
			}
			w.await(t, "revoked")
		}},
		{what: "the device was off for too long", want: doctor.RefreshExpired, before: func(t *testing.T, w *sickDevice) {
			must(t, w.service.SetKnobs(emulator.Knobs{AccessLifetime: 8 * time.Second, RefreshLifetime: 12 * time.Second, Rotation: emulator.RotationOff}))
		}, after: func(t *testing.T, w *sickDevice) {
			w.awaitRefreshMode(t)
			w.restart(t, func() { time.Sleep(14 * time.Second) })
			w.ask(t)
			w.await(t, "refresh_expired")
		}},
		{what: "the service ends sessions after an hour", want: doctor.SessionEnds, before: func(t *testing.T, w *sickDevice) {
			must(t, w.service.SetKnobs(emulator.Knobs{AccessLifetime: 8 * time.Second, SessionLifetime: time.Hour}))
		}, after: func(t *testing.T, w *sickDevice) { w.awaitSessionMaximum(t) }},
	}
}

// awaitSessionMaximum waits until the daemon has learnt that sessions end, which takes
// two answers of the service.
func (w *sickDevice) awaitSessionMaximum(t *testing.T) {
	t.Helper()
	w.awaitTenant(t, func(tenant status.Tenant) bool { return tenant.SessionsEndSeconds > 0 })
}

// awaitRefreshMode waits until a refresh has worked.
func (w *sickDevice) awaitRefreshMode(t *testing.T) {
	t.Helper()
	w.awaitTenant(t, func(tenant status.Tenant) bool { return tenant.Refresh != nil && tenant.Refresh.Mode != "" })
}

// awaitTenant waits until the status of the tenant is as it is to be.
func (w *sickDevice) awaitTenant(t *testing.T, good func(status.Tenant) bool) {
	t.Helper()
	for {
		st, err := w.client.Status(t.Context())
		must(t, err)
		if good(st.Tenants[0]) {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatal("the daemon never learnt that of its tenant")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// refresh has the instance refreshed, by the wish for a longer life. The site's
// limits.refresh_floor puts that off.
func (w *sickDevice) refresh(t *testing.T) {
	t.Helper()
	w.awaitStatus(t, "a refresh", func(s api.Status) bool {
		_, _ = w.client.Token(t.Context(), api.TokenRequest{Application: "cad", MinTTL: 3600, Wait: 1})
		return s.Applications[0].Instances[0].Generation > 1
	})
}

// newRegistrationToken makes a registration token as an administrator does, and returns it.
func newRegistrationToken(t *testing.T, w *sickDevice, expires string) string {
	t.Helper()
	out := filepath.Join(w.dir, "made")
	w.administer(t, "registration-token", "create", "--identifier", "made", "--count", "5", "--expires", expires, "--out", out)
	b, err := os.ReadFile(out)
	must(t, err)
	return string(b)
}

func storeCases() []doctorCase {
	return []doctorCase{
		{what: "a sealed record is damaged", want: doctor.StoreUnreadable, after: func(t *testing.T, w *sickDevice) {
			w.restart(t, func() {
				records, err := filepath.Glob(filepath.Join(w.dir, "state/records/*"))
				must(t, err)
				must(t, os.WriteFile(records[0], []byte("damage"), 0o600))
			})
		}},
		{what: "the key material is gone", want: doctor.StoreMissing, after: func(t *testing.T, w *sickDevice) {
			w.restart(t, func() { must(t, os.RemoveAll(filepath.Join(w.dir, "state/keyring"))) })
		}},
		{what: "an older state directory was put back", want: doctor.StoreRolledBack, after: func(t *testing.T, w *sickDevice) {
			w.restart(t, func() { command(t, "cp", "-a", filepath.Join(w.dir, "state"), filepath.Join(w.dir, "backup")) })
			must(t, w.service.SetKnobs(emulator.Knobs{AccessLifetime: 2 * time.Hour}))
			w.refresh(t)
			w.d.stop(t)
			must(t, os.RemoveAll(filepath.Join(w.dir, "state")))
			must(t, os.Rename(filepath.Join(w.dir, "backup"), filepath.Join(w.dir, "state")))
			w.d = w.start(t)
		}},
		{what: "the disk was cloned", want: doctor.Quarantined, before: func(t *testing.T, w *sickDevice) {
			w.write(t, "facts", `{"machine_id":"m1","dmi":"d1","root_fs":"r1","macs":["00:16:3e:00:00:01"]}`)
			w.extra = []string{"--host-facts", filepath.Join(w.dir, "facts")}
		}, after: func(t *testing.T, w *sickDevice) {
			w.restart(t, func() {
				w.write(t, "facts", `{"machine_id":"m1","dmi":"d2","root_fs":"r2","macs":["00:16:3e:00:00:02"]}`)
			})
		}},
		{what: "the records' directory was removed", want: doctor.StateNotWritable, until: awaitTokenUsed, after: func(t *testing.T, w *sickDevice) {
			must(t, os.RemoveAll(filepath.Join(w.dir, "state/records")))
		}},
	}
}

func configCases() []doctorCase {
	return []doctorCase{
		{what: "the configuration is bad at the start", want: doctor.ConfigInvalid, until: awaitAnswer, before: func(t *testing.T, w *sickDevice) {
			w.edit(t, "instances: 1", "instances: many")
			w.args = []string{"--config", filepath.Join(w.dir, "config.yaml")}
		}},
		{what: "the configuration became bad while it runs", want: doctor.ConfigInvalid, after: func(t *testing.T, w *sickDevice) {
			w.edit(t, "instances: 1", "instances: many")
			must(t, syscall.Kill(w.d.pid(), syscall.SIGHUP))
			w.awaitStatus(t, "a problem", func(s api.Status) bool { return len(s.Problems) > 0 })
		}},
		{what: "managed policy has a slip", want: doctor.PolicyProblem, before: func(t *testing.T, w *sickDevice) {
			must(t, os.Mkdir(filepath.Join(w.dir, "policy.d"), 0o755))
			w.write(t, "policy.d/10.yaml", "tenent: https://demo-host.com\n")
		}},
		{what: "a changed key needs a restart", want: doctor.RestartNeeded, after: func(t *testing.T, w *sickDevice) {
			w.edit(t, "applications:", "metrics_textfile: "+filepath.Join(w.dir, "regent.prom")+"\napplications:")
			w.awaitStatus(t, "a problem", func(s api.Status) bool { return len(s.Problems) > 0 })
		}},
		{what: "no application is configured", want: doctor.NoApplication, after: func(t *testing.T, w *sickDevice) {
			w.edit(t, "applications:\n  - {id: cad, instances: 1, allow: [{everyone: true}]}\n", "")
			w.awaitStatus(t, "no application", func(s api.Status) bool { return len(s.Applications) == 0 })
		}},
		{what: "an application has no rule", want: doctor.AllowRuleMissing, before: func(t *testing.T, w *sickDevice) {
			w.edit(t, ", allow: [{everyone: true}]", "")
		}},
		{what: "a program of another user asks", want: doctor.Denied, before: func(t *testing.T, w *sickDevice) {
			w.edit(t, "{everyone: true}", "{users: [someone-else]}")
		}, after: func(t *testing.T, w *sickDevice) { w.ask(t) }},
	}
}

func daemonCases() []doctorCase {
	return []doctorCase{
		{what: "the socket was removed", want: doctor.SocketMissing, after: func(t *testing.T, w *sickDevice) { must(t, os.Remove(w.socket())) }},
		{what: "the daemon was killed", want: doctor.SocketRefused, after: func(_ *testing.T, w *sickDevice) {
			_ = w.d.cmd.Process.Kill()
			<-w.d.done
		}},
		{what: "the daemon is stuck", want: doctor.DaemonSilent, after: func(t *testing.T, w *sickDevice) { must(t, w.d.cmd.Process.Signal(syscall.SIGSTOP)) }},
		{what: "the socket has a wrong mode", want: doctor.SocketMode, after: func(t *testing.T, w *sickDevice) { must(t, os.Chmod(w.socket(), 0o600)) }},
		{what: "the daemon is older than the program", want: doctor.DaemonVersion, after: func(t *testing.T, w *sickDevice) {
			newer := filepath.Join(w.dir, "regent")
			cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-X main.version=9.9.9", "-o", newer, "./cmd/regent")
			cmd.Dir = "../.."
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			w.look = []string{newer}
		}},
		{what: "a second daemon runs with the same configuration", want: doctor.TwoDaemons, after: func(t *testing.T, w *sickDevice) {
			second := *w.testDevice
			second.extra = []string{"--state-dir", filepath.Join(w.dir, "state2"), "--socket", filepath.Join(w.dir, "second.sock")}
			second.start(t)
			for until := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
				if _, err := os.Stat(filepath.Join(w.dir, "second.sock")); err == nil {
					return
				}
				if time.Now().After(until) {
					t.Fatal("the second daemon does not come")
				}
			}
		}},
	}
}

// tokenID is the service's name of a registration token.
func tokenID(t *testing.T, w *sickDevice, identifier string) string {
	t.Helper()
	var all []struct{ ID, Identifier string }
	decodeJSON(t, w.administer(t, "registration-token", "list", "--json"), &all)
	for _, r := range all {
		if r.Identifier == identifier {
			return r.ID
		}
	}
	t.Fatalf("there is no registration token %s", identifier)
	return ""
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatal(fmt.Errorf("%s: %w\n%s", name, err, out))
	}
}
