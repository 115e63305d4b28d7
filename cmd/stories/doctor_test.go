//go:build unix

package stories

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"regent/agent/doctor"
	"regent/agent/status"
	"regent/agent/tms/emulator"
	"regent/ipc/api"
)

// sickDevice is a device that something is done to.
type sickDevice struct {
	*testDevice
	line *uplink // to the service
	d    *daemonProcess
	args []string // further ones of doctor
	look []string // programs to use in place of the usual ones
}

// doctorCase is a fault that is injected from outside, and the one code that
// doctor is to name.
type doctorCase struct {
	what string
	want doctor.Code // "" is none: the device is well
	// before changes the device before its first start, after what is running.
	before, after func(*testing.T, *sickDevice)
	// until says when what was there before is done with; nil is when the one
	// instance is live.
	until func(*testing.T, *sickDevice)
}

// doctorCases returns the cases of every kind. Without -long it is the first two of
// each: make stories and make test-doctor have them all.
func doctorCases() (all []doctorCase) {
	for _, kind := range [][]doctorCase{health(), networkCases(), tlsCases(), tokenCases(), storeCases(), configCases(), daemonCases()} {
		if !*long {
			kind = kind[:2]
		}
		all = append(all, kind...)
	}
	return all
}

func health() []doctorCase {
	return []doctorCase{
		{what: "nothing"},
		{what: "nothing, with a token handed out", after: func(t *testing.T, w *sickDevice) { w.ask(t) }},
	}
}

// TestDoctor makes a device ill in one way after the other, from outside and
// with the real programs: doctor names that code and no other.
func TestDoctor(t *testing.T) {
	bin := programs(t)
	var mu sync.Mutex
	rows := map[string]string{}
	t.Run("ill", func(t *testing.T) {
		for _, i := range doctorCases() {
			t.Run(strings.ReplaceAll(i.what, " ", "-"), func(t *testing.T) {
				t.Parallel()
				got := diagnosed(t, bin, i)
				mu.Lock()
				defer mu.Unlock()
				rows[i.what] = got
			})
		}
	})
	codes := map[doctor.Code]bool{}
	var table strings.Builder
	for _, i := range doctorCases() {
		got, ran := rows[i.what]
		if !ran {
			got = "not run"
		}
		fmt.Fprintf(&table, "%-58s %s\n", i.what, got)
		codes[i.want] = ran
	}
	t.Logf("%d faults, %d codes:\n%s", len(rows), len(codes)-1, &table)
}

// diagnosed is what doctor names, as a row of the table.
func diagnosed(t *testing.T, bin string, i doctorCase) string {
	w := &sickDevice{line: newUplink(t)}
	w.testDevice = newTestDevice(t, bin, emulator.Knobs{AccessLifetime: time.Hour}, w.line.to)
	if i.before != nil {
		i.before(t, w)
	}
	w.d = w.start(t)
	if i.until != nil {
		i.until(t, w)
	} else {
		w.await(t, "live")
	}
	if i.after != nil {
		i.after(t, w)
	}
	report, code := w.doctor(t)
	var got []doctor.Code
	for _, f := range report.Findings {
		got = append(got, f.Code)
		if f.Evidence == "" || f.Next == "" {
			t.Errorf("%s has no evidence or no next step: %+v", f.Code, f)
		}
	}
	want, exit := []doctor.Code(nil), 0
	if i.want != "" {
		want = []doctor.Code{i.want}
		e, _ := doctor.Lookup(i.want)
		exit = map[doctor.Severity]int{doctor.Warning: 6, doctor.Failure: 7}[e.Severity]
	}
	if !slices.Equal(got, want) || code != exit {
		t.Errorf("doctor names %v and exits %d, want %v and %d\n%+v", got, code, want, exit, report.Findings)
	}
	return strings.TrimSpace(fmt.Sprintf("%d  %s", code, strings.Trim(fmt.Sprint(got), "[]")))
}

// doctor runs regent doctor.
func (w *sickDevice) doctor(t *testing.T) (r doctor.Report, code int) {
	t.Helper()
	program := filepath.Join(w.bin, "regent")
	if w.look != nil {
		program = w.look[0]
	}
	cmd := exec.CommandContext(t.Context(), program, append([]string{"doctor", "--json", "--socket", w.socket()}, w.args...)...)
	out, err := cmd.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		code = failed.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("doctor says %q: %v", out, err)
	}
	return r, code
}

// await waits for a state of the one instance.
func (w *sickDevice) await(t *testing.T, state string) {
	t.Helper()
	w.awaitStatus(t, state, func(s api.Status) bool {
		return len(s.Applications) == 1 && s.Applications[0].Instances[0].State == state
	})
}

// awaitAnswer waits for no more than an answer, which start has seen.
func awaitAnswer(*testing.T, *sickDevice) {}

// awaitTokenHeld waits until a registration token is held.
func awaitTokenHeld(t *testing.T, w *sickDevice) {
	t.Helper()
	w.awaitStatus(t, "a registration token", func(s api.Status) bool { return s.Tenants[0].RegistrationToken != nil })
}

// awaitTokenUsed waits until the instance is live, and the registration token is gone.
func awaitTokenUsed(t *testing.T, w *sickDevice) {
	t.Helper()
	w.await(t, "live")
	w.awaitStatus(t, "no registration token", func(s api.Status) bool { return s.Tenants[0].RegistrationToken == nil })
}

// awaitFault waits until an instance has a last fault.
func awaitFault(t *testing.T, w *sickDevice) {
	t.Helper()
	w.awaitStatus(t, "a fault", func(s api.Status) bool {
		return slices.ContainsFunc(s.Applications[0].Instances, func(i status.Instance) bool { return i.LastFault != nil })
	})
}

// awaitStatus waits for a status.
func (w *sickDevice) awaitStatus(t *testing.T, what string, is func(api.Status) bool) {
	t.Helper()
	for until := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		s, err := w.client.Status(t.Context())
		if err == nil && is(s) {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("waiting for %s: %+v, %v", what, s, err)
		}
	}
}

// ask asks for a token. That it is refused may be the point.
func (w *sickDevice) ask(t *testing.T) {
	_, _ = w.client.Token(t.Context(), api.TokenRequest{Application: "cad"})
}

// edit replaces text in the configuration.
func (w *sickDevice) edit(t *testing.T, old, replacement string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(w.dir, "config.yaml"))
	if err != nil || !bytes.Contains(b, []byte(old)) {
		t.Fatalf("%q is not in the configuration: %v", old, err)
	}
	w.write(t, "config.yaml", strings.ReplaceAll(string(b), old, replacement))
}

// tenant replaces the tenant's address.
func (w *sickDevice) tenant(t *testing.T, address string) {
	t.Helper()
	w.edit(t, "https://"+w.address, address)
}

// restart ends the daemon, does something, and starts it again.
func (w *sickDevice) restart(t *testing.T, meanwhile func()) {
	t.Helper()
	w.d.stop(t)
	meanwhile()
	w.d = w.start(t)
}

// administer runs tmsctl as the Contact Administrator.
func (w *sickDevice) administer(t *testing.T, args ...string) string {
	t.Helper()
	w.write(t, "password", w.service.Credentials().Password)
	args = append([]string{"--tenant", w.address, "--user", w.service.Credentials().User, "--password-file", filepath.Join(w.dir, "password"), "--ca-file", filepath.Join(w.dir, "ca.pem")}, args...)
	out, err := exec.CommandContext(t.Context(), filepath.Join(w.bin, "tmsctl"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("tmsctl %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func decodeJSON(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
}

// proxyWithStatus is a proxy that answers every CONNECT with a status.
func proxyWithStatus(t *testing.T, status int) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(s.Close)
	return s.URL
}
