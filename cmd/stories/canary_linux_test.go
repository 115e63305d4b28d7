package stories

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"regent/agent/tms/emulator"
	"regent/ipc/client"
	"regent/platform/keyring"
)

// The kinds of secrets. All that is not made by the test itself is taken from
// what passes between the programs and the service.
const (
	registrationKind = "registration token"
	accessKind       = "access token"
	refreshKind      = "refresh token"
	passwordKind     = "administrator's password"
	proxyKind        = "proxy's password"
	phraseKind       = "passphrase of the keyring"
	dataKeyKind      = "data key"
	stray            = "registration token in the wrong place"
)

// scenario is a device, its service, and what to look for.
type scenario struct {
	*testing.T
	dir, bin string
	service  *emulator.Emulator
	tenant   string
	canaries *canaries
	evidence *evidence
	echo     atomic.Bool // the service repeats in its error what it was sent
	client   *client.Client
}

// TestCanary lives a device's life at debug level, with a canary for each secret,
// and then looks for every one of them everywhere but where it belongs.
func TestCanary(t *testing.T) {
	needsLong(t, "make canary")
	s := newScenario(t)
	ctx, stop := context.WithCancel(t.Context())
	looking := make(chan struct{})
	go func() {
		defer close(looking)
		s.evidence.watchProcesses(ctx)
	}()
	defer func() { stop(); <-looking }()

	s.firstRun()
	s.secondRun()
	s.abort()
	s.misplacedSecrets()
	stop()
	<-looking
	s.report()
	s.selfCheck()
}

func newScenario(t *testing.T) *scenario {
	s := &scenario{T: t, dir: shortDir(t), bin: programs(t), canaries: newCanaries()}
	s.evidence = newEvidence(s.path("in"))
	for _, dir := range []string{"in/credentials", "etc", "policy.d", "drop", "home", "tmp"} {
		if err := os.MkdirAll(s.path(dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	password := s.newSecret(passwordKind)
	var err error
	s.service, err = emulator.New(emulator.Options{
		Knobs:       emulator.Knobs{AccessLifetime: 10 * time.Second, ReuseGrace: time.Minute}, // a slow machine may lose an answer
		Credentials: emulator.Credentials{User: "admin", Password: password},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(s.recording(s.service))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	s.tenant = server.URL
	s.client = client.New(client.Options{Socket: s.path("agent.sock")})
	t.Cleanup(s.client.Close)

	s.write("in/password", password)
	s.write("in/ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	s.write("in/proxy", "alice:"+s.newSecret(proxyKind))
	s.write("in/credentials/"+keyring.CredentialName, s.newSecret(phraseKind))
	s.write("in/credentials/regent-registration-token", s.newRegistrationToken())
	return s
}

func (s *scenario) path(name string) string { return filepath.Join(s.dir, name) }

func (s *scenario) write(name, text string) {
	s.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
}

// newSecret is a new secret with letters that are written differently in URLs, JSON
// and quotes.
func (s *scenario) newSecret(kind string) string {
	secret := `ca/na+ry "` + rand.Text() + `&` + rand.Text() + `%<` + rand.Text()
	s.canaries.add(kind, secret)
	return secret
}

// newRegistrationToken is a registration token that the service knows.
func (s *scenario) newRegistrationToken() string {
	registration, err := s.service.IssueRegistrationToken("canary", 20)
	if err != nil {
		s.Fatal(err)
	}
	s.canaries.add(registrationKind, registration)
	return registration
}

// recording takes every secret that passes, in whichever member or parameter.
func (s *scenario) recording(service http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		form, _ := url.ParseQuery(string(body)) // what is none has no such parameter
		s.canaries.add(refreshKind, form.Get("refresh_token"))
		if s.echo.Load() && (form.Get("refresh_token") != "" || strings.HasSuffix(r.URL.Path, "/authTokens")) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			sent := r.Header.Get("Authorization") + " " + form.Get("refresh_token") + decoded(r)
			_ = json.NewEncoder(w).Encode(map[string]string{"error": "odd", "errorCode": sent, "message": sent, "error_description": sent})
			return
		}
		answer := httptest.NewRecorder()
		service.ServeHTTP(answer, r)
		s.recordTokens(answer.Body.Bytes())
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // whoever asked may have gone
	})
}

// decoded is what a service says that has decoded the registration token it was
// sent: the whole and both halves, as they are and escaped.
func decoded(r *http.Request) string {
	user, password, ok := r.BasicAuth()
	if !ok {
		return ""
	}
	plain := user + ":" + password
	return fmt.Sprintf(" (%s: user %s, password %s; %q %s %s %x)", plain, user, password, plain,
		url.QueryEscape(plain), base64.URLEncoding.EncodeToString([]byte(password)), password)
}

// recordTokens takes the tokens of an answer.
func (s *scenario) recordTokens(body []byte) {
	var answer any
	if json.Unmarshal(body, &answer) != nil {
		return
	}
	var look func(any)
	look = func(v any) {
		members, _ := v.(map[string]any)
		for name, v := range members {
			text, _ := v.(string)
			switch strings.ToLower(strings.ReplaceAll(name, "_", "")) {
			case "accesstoken":
				s.canaries.add(accessKind, text)
			case "refreshtoken":
				s.canaries.add(refreshKind, text)
			}
			look(v)
		}
	}
	look(answer)
}

// proxy is a way to the service that asks for a password.
func (s *scenario) proxy() string {
	password, err := os.ReadFile(s.path("in/proxy"))
	if err != nil {
		s.Fatal(err)
	}
	want := "Basic " + base64.StdEncoding.EncodeToString(password)
	gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") != want {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		far, err := net.Dial("tcp", strings.TrimPrefix(s.tenant, "https://"))
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		near, sent, err := http.NewResponseController(w).Hijack()
		if err != nil {
			far.Close()
			return
		}
		_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n") // whoever asked may have gone
		go func() { _, _ = io.Copy(far, sent); far.Close() }()
		_, _ = io.Copy(near, far)
		near.Close()
	}))
	s.Cleanup(gate.CloseClientConnections)
	return gate.URL
}

// configure writes the configuration of one life.
func (s *scenario) configure(format string) {
	s.write("etc/config.yaml", fmt.Sprintf(`
tenant: %s
registration_token_file: %s
network: {ca_file: %s, proxy: %q, proxy_credentials_file: %s, timeout: 30s}
limits: {redeem_splay: 0s}
log: {level: debug, format: %s}
applications:
  - {id: cad, instances: 2, allow: [{everyone: true}]}
  - {id: cam, instances: 1, redeem: on_demand, allow: [{everyone: true}]}
`, s.tenant, s.path("drop/token"), s.path("in/ca.pem"), s.proxy(), s.path("in/proxy"), format))
}

// command is a program in the scenario's surroundings.
func (s *scenario) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.path("home")
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.path("home"), "TMPDIR=" + s.path("tmp"), "REGENT_SOCKET=" + s.path("agent.sock"),
		"CREDENTIALS_DIRECTORY=" + s.path("in/credentials"), "GOTRACEBACK=crash", "NO_PROXY=*",
	}
	return cmd
}

// run runs a program to its end, and takes what it says. It fails the test if it
// ends with another code.
func (s *scenario) run(code int, may []string, stdin, name string, args ...string) {
	s.Helper()
	cmd := s.command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, _ := cmd.CombinedOutput() // how it ended is looked at below
	s.evidence.add(evidenceItem{place: inOutput, name: name + " " + strings.Join(args, " "), content: out, may: may})
	if got := cmd.ProcessState.ExitCode(); code != anyCode && got != code {
		s.Errorf("%s %q: ended with %d, want %d:\n%s", name, args, got, code, out)
	}
}

// daemon starts regentd as a shell does that lets it leave a core.
func (s *scenario) daemon() *daemonProcess {
	s.Helper()
	regentd := s.command("regentd", "run", "--config", s.path("etc/config.yaml"), "--policy-dir", s.path("policy.d"),
		"--state-dir", s.path("state"), "--socket", s.path("agent.sock"))
	d := &daemonProcess{cmd: exec.Command("sh", append([]string{"-c", `ulimit -c unlimited; exec "$@"`, "sh"}, regentd.Args...)...), done: make(chan struct{}), said: &logFile{}}
	d.cmd.Dir, d.cmd.Env, d.cmd.Stdout, d.cmd.Stderr = regentd.Dir, regentd.Env, d.said, d.said
	d.pid = func() int { return d.cmd.Process.Pid }
	if err := d.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	go func() {
		defer close(d.done)
		_ = d.cmd.Wait() // how it ended is for who ended it
	}()
	s.Cleanup(func() {
		_ = d.cmd.Process.Kill() // it may have ended
		<-d.done
		if s.Failed() {
			s.Logf("it said:\n%s", d.said)
		}
	})
	s.until("the daemon answers", func() bool {
		d.alive(s.T)
		_, err := s.client.Status(s.Context())
		return err == nil
	})
	return d
}

// collectLog takes what a daemon that has ended said.
func (s *scenario) collectLog(d *daemonProcess) {
	s.evidence.add(evidenceItem{place: inLog, name: "regentd", content: []byte(d.said.String())})
}

// until waits for what must come.
func (s *scenario) until(what string, is func() bool) {
	s.Helper()
	for end := time.Now().Add(2 * patience); !is(); time.Sleep(100 * time.Millisecond) { // status is answered 20 times a second
		if time.Now().After(end) {
			s.Fatalf("not within %s: %s", 2*patience, what)
		}
	}
}
