//go:build unix

package stories

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/agent/tms/emulator"
	"regent/ipc/client"
)

// testDevice is one device and its service.
type testDevice struct {
	dir     string
	bin     string
	service *emulator.Emulator
	client  *client.Client
	address string   // of the service
	extra   []string // arguments of regentd, which rule over the usual ones
}

// newTestDevice makes a device whose registration token waits in a file. between, if
// not nil, stands between it and the service, and returns where.
func newTestDevice(t testing.TB, bin string, k emulator.Knobs, between func(address string) string) *testDevice {
	t.Helper()
	service, err := emulator.New(emulator.Options{Knobs: k})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(service)
	server.Config.ErrorLog = log.New(t.Output(), "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	registration, err := service.IssueRegistrationToken("crash", 10)
	if err != nil {
		t.Fatal(err)
	}
	s := &testDevice{dir: shortDir(t), bin: bin, service: service, address: server.Listener.Addr().String()}
	if between != nil {
		s.address = between(s.address)
	}
	s.client = client.New(client.Options{Socket: s.socket()})
	t.Cleanup(s.client.Close)
	s.write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	s.write(t, "token", registration)
	s.write(t, "config.yaml", fmt.Sprintf(`
tenant: https://%s
registration_token_file: %s/token
network: {ca_file: %s/ca.pem, proxy: none, timeout: 30s}
limits: {redeem_uncertain_retries: 0, redeem_splay: 0s, refresh_floor: 1s}
applications:
  - {id: cad, instances: 1, allow: [{everyone: true}]}
`, s.address, s.dir, s.dir))
	return s
}

func (s *testDevice) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *testDevice) socket() string { return filepath.Join(s.dir, "agent.sock") }

// state is the state of the first instance, "" if nobody answers.
func (s *testDevice) state(t testing.TB) string {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	st, err := s.client.Status(ctx)
	if err != nil || len(st.Applications) == 0 {
		return ""
	}
	return st.Applications[0].Instances[0].State
}

// daemonProcess is one regentd, or something that runs one.
type daemonProcess struct {
	cmd  *exec.Cmd
	done chan struct{} // closed at its end
	said *logFile
	pid  func() int // of regentd itself
}

// args is the command line of the device's regentd.
func (s *testDevice) args() []string {
	return append([]string{
		filepath.Join(s.bin, "regentd"), "run", "--config", filepath.Join(s.dir, "config.yaml"),
		"--policy-dir", filepath.Join(s.dir, "policy.d"), "--state-dir", filepath.Join(s.dir, "state"), "--socket", s.socket(),
	}, s.extra...)
}

// start starts regentd, and returns when it answers or has ended.
func (s *testDevice) start(t testing.TB) *daemonProcess {
	t.Helper()
	args := s.args()
	d := &daemonProcess{cmd: exec.Command(args[0], args[1:]...)}
	d.pid = func() int { return d.cmd.Process.Pid }
	s.launch(t, d)
	return d
}

// launch runs d's command, and returns when the daemon answers or has ended.
func (s *testDevice) launch(t testing.TB, d *daemonProcess) {
	t.Helper()
	d.done, d.said = make(chan struct{}), &logFile{}
	d.cmd.Stdout, d.cmd.Stderr = d.said, d.said
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(d.done)
		_ = d.cmd.Wait() // that it was killed is the point
	}()
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill() // it takes the daemon with it, if there is one still
		<-d.done
		for _, word := range []string{"panic", "fatal error", "goroutine ", "DATA RACE", "tracer:"} {
			if strings.Contains(d.said.String(), word) {
				t.Errorf("it said %q:\n%s", word, d.said)
				return
			}
		}
		if t.Failed() {
			t.Logf("it said:\n%s", d.said)
		}
	})
	for until := time.Now().Add(patience); !d.ended() && s.state(t) == ""; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("it does not answer:\n%s", d.said)
		}
	}
}

func (d *daemonProcess) ended() bool {
	select {
	case <-d.done:
		return true
	default:
		return false
	}
}

func (d *daemonProcess) alive(t testing.TB) {
	t.Helper()
	if d.ended() {
		t.Fatalf("it has ended:\n%s", d.said)
	}
}

// stop tells the daemon to end, and waits until it has.
func (d *daemonProcess) stop(t testing.TB) {
	t.Helper()
	if !d.ended() {
		if err := syscall.Kill(d.pid(), syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Error(err)
		}
	}
	select {
	case <-d.done:
	case <-time.After(patience):
		t.Fatalf("it does not end:\n%s", d.said)
	}
}
