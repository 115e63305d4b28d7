//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// keycloakHome names the directory of an unpacked Keycloak server. Without it
	// the stories are not run; make test-keycloak gets one and sets it.
	keycloakHome = "REGENT_KEYCLOAK_HOME"

	realmSecret      = "for-tests-alone" // of both clients in ems-realm.json
	realmUser        = "admin"
	realmAdmin       = "correct horse" // that user's password
	startTimeoutLong = 10 * time.Minute
)

// keycloak is a real server on a loopback port.
type keycloak struct {
	t    *testing.T
	home string
	url  string
	cmd  *exec.Cmd
	log  *syncedBuffer
}

// syncedBuffer takes what the server says, to be shown if it does not come up.
type syncedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// newKeycloak starts a server with an empty database and the realm of ems-realm.json.
func newKeycloak(t *testing.T) *keycloak {
	t.Helper()
	home := os.Getenv(keycloakHome)
	if home == "" {
		t.Skipf("not run: %s is not set; see make test-keycloak", keycloakHome)
	}
	if err := os.RemoveAll(filepath.Join(home, "data")); err != nil {
		t.Fatal(err)
	}
	imports := filepath.Join(home, "data", "import")
	if err := os.MkdirAll(imports, 0o755); err != nil {
		t.Fatal(err)
	}
	realm := read(t, "testdata/keycloak/ems-realm.json")
	if err := os.WriteFile(filepath.Join(imports, "ems-realm.json"), []byte(realm), 0o600); err != nil {
		t.Fatal(err)
	}
	k := &keycloak{t: t, home: home, url: "http://" + unusedAddress(t) + "/"}
	t.Cleanup(k.stop)
	k.start()
	return k
}

// unusedAddress returns an address at which nobody listens. The system gives its port to no
// connection: those have a port above 32767.
func unusedAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000))
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
		if err == nil && l.Close() == nil {
			return address
		}
	}
	t.Fatal("no port is unused")
	return ""
}

// start starts the server; before says what goes before its command line.
func (k *keycloak) start(before ...string) {
	k.t.Helper()
	u, err := url.Parse(k.url)
	if err != nil {
		k.t.Fatal(err)
	}
	line := append(before, filepath.Join(k.home, "bin", "kc.sh"), "start-dev", "--import-realm",
		"--http-host=127.0.0.1", "--http-port="+u.Port(), "--cache=local")
	k.log = &syncedBuffer{}
	k.cmd = exec.Command(line[0], line[1:]...)
	k.cmd.Stdout, k.cmd.Stderr = k.log, k.log
	k.cmd.Env = append(os.Environ(), "JAVA_OPTS_APPEND=-Xmx512m")
	k.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the script starts Java
	if err := k.cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	end := time.Now().Add(startTimeoutLong)
	for !k.ready() {
		if time.Now().After(end) || k.cmd.ProcessState != nil {
			k.t.Fatalf("Keycloak does not come up:\n%s", k.log)
		}
		wait(time.Second)
	}
}

func (k *keycloak) ready() bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url+"realms/ems", http.NoBody)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// stop ends the server as a service manager would, and waits for its end.
func (k *keycloak) stop() {
	if k.cmd == nil {
		return
	}
	_ = syscall.Kill(-k.cmd.Process.Pid, syscall.SIGTERM) // it may have ended already
	done := make(chan struct{})
	go func() { _ = k.cmd.Wait(); close(done) }() // ended by a signal
	select {
	case <-done:
	case <-time.After(time.Minute):
		_ = syscall.Kill(-k.cmd.Process.Pid, syscall.SIGKILL)
		<-done
	}
	k.cmd = nil
}

// version is what the distribution says of itself.
func (k *keycloak) version() string {
	b, err := os.ReadFile(filepath.Join(k.home, "version.txt"))
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

// set changes the realm.
func (k *keycloak) set(change map[string]any) {
	k.t.Helper()
	k.admin(http.MethodPut, "", change, nil)
}

// admin makes a call to the realm's administration, which must succeed.
func (k *keycloak) admin(method, path string, body, into any) {
	k.t.Helper()
	if err := k.call(method, path, body, into); err != nil {
		k.t.Fatalf("%s %s: %v", method, path, err)
	}
}

func (k *keycloak) call(method, path string, body, into any) error {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"tms-emulator"}, "client_secret": {realmSecret}}
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	err := k.do(http.MethodPost, "realms/ems/protocol/openid-connect/token", "application/x-www-form-urlencoded", "", form.Encode(), &granted)
	if err != nil {
		return err
	}
	text := ""
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		text = string(b)
	}
	return k.do(method, "admin/realms/ems"+path, "application/json", "Bearer "+granted.AccessToken, text, into)
}

func (k *keycloak) do(method, path, contentType, authorization, body string, into any) error {
	r, err := http.NewRequest(method, k.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", contentType)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s", resp.Status, b)
	}
	if into == nil {
		return nil
	}
	if len(b) == 0 {
		return errors.New("an empty answer")
	}
	return json.Unmarshal(b, into)
}

// wait lets real time pass: the server has no other.
func wait(d time.Duration) {
	<-time.After(d)
}
