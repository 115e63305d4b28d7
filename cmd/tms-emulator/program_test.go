package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is the program, started for real.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  []string // of standard output, before the address
	url    string   // the tenant address, ends in /
	ca     string
	client *http.Client
	rest   *bufio.Reader
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{t: t, ca: filepath.Join(t.TempDir(), "ca.pem")}
	p.cmd = exec.CommandContext(t.Context(), os.Args[0], append(args, "--ca-out", p.ca)...)
	p.cmd.Env = append(p.cmd.Environ(), asProgram+"=1")
	p.cmd.Stderr = t.Output()
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.rest = bufio.NewReader(stdout)
	for p.url == "" {
		line, err := p.rest.ReadString('\n')
		if err != nil {
			t.Fatalf("no address after %q: %v", p.lines, err)
		}
		line = strings.TrimSuffix(line, "\n")
		if url, ok := strings.CutPrefix(line, "listening on "); ok {
			p.url = url
		} else {
			p.lines = append(p.lines, line)
		}
	}
	p.client = &http.Client{Transport: p.transport("")}
	return p
}

// transport trusts the program's authority and nobody else; name is what the
// certificate must be for, "" the host of the address.
func (p *program) transport(name string) *http.Transport {
	p.t.Helper()
	pem, err := os.ReadFile(p.ca)
	if err != nil {
		p.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		p.t.Fatalf("no certificate in %s", pem)
	}
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: name}}
}

// post sends a request and reads the answer into a value, if there is one.
func (p *program) post(path, authorization, contentType, body string, into any) int {
	p.t.Helper()
	return p.send(http.MethodPost, path, authorization, contentType, body, into)
}

func (p *program) send(method, path, authorization, contentType, body string, into any) int {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Authorization", authorization)
	resp, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if into != nil {
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			p.t.Fatal(err)
		}
	}
	return resp.StatusCode
}

// stop asks the program to end, and returns what it still printed.
func (p *program) stop() string {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	rest, err := io.ReadAll(p.rest)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("%v, want exit 0", err)
	}
	return string(rest)
}

func needSignals(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be asked to end with SIGTERM here")
	}
}

func secretIn(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestProgram goes the whole way over TLS: log in, make a registration token,
// redeem it, look at the counts, turn a knob, end.
func TestProgram(t *testing.T) {
	needSignals(t)
	p := start(t, "--admin-password-file", secretIn(t, "correct horse\n"), "--access-lifetime", "20s")
	if len(p.lines) != 1 || !strings.HasPrefix(p.lines[0], "client ems-admin-client, secret ") {
		t.Errorf("printed %q, want the client's secret, and not the password", p.lines)
	}
	if info, err := os.Stat(p.ca); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("authority's file: %v, %v, want mode 0644", info, err)
	}

	const form, js = "application/x-www-form-urlencoded", "application/json"
	var login struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	p.post("auth/realms/ems/protocol/openid-connect/token", "", form,
		"grant_type=password&client_id=ems-scl-public-client&username=admin&password=correct+horse", &login)
	if login.ExpiresIn != 20 {
		t.Fatalf("%+v, want 20 seconds", login)
	}
	var made struct{ RegistrationToken struct{ Token string } }
	tomorrow := time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	p.post("token/api/v5/registrationTokens", "Bearer "+login.AccessToken, js,
		`{"registrationToken":{"identifier":"fleet","count":1,"expirationDate":"`+tomorrow+`"}}`, &made)
	redeem := func() int {
		return p.post("token/api/v5/authTokens", "Basic "+made.RegistrationToken.Token, js, `{"authToken":{"identifier":"a"}}`, nil)
	}
	if got := []int{redeem(), redeem()}; got[0] != http.StatusCreated || got[1] != http.StatusBadRequest {
		t.Errorf("redemptions %v, want 201 and 400", got)
	}
	var state struct {
		Redeemed int
		Requests map[string]int
	}
	p.post("_emulator/knobs", "", js, `{"faults":[{"class":"redeem","status":503}]}`, &state)
	if state.Redeemed != 1 || state.Requests["redeem"] != 2 {
		t.Errorf("%+v, want 1 redeemed of 2 requests", state)
	}
	if got := redeem(); got != http.StatusServiceUnavailable {
		t.Errorf("redemption %d, want 503", got)
	}
	if rest := p.stop(); rest != "" {
		t.Errorf("printed %q after the address", rest)
	}
}

// TestCertificate is good for every name that it should be, and no other.
func TestCertificate(t *testing.T) {
	needSignals(t)
	p := start(t, "--host", "tenant.example", "--host", "192.0.2.7")
	for name, good := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "::1": true, "tenant.example": true, "192.0.2.7": true,
		"other.example": false,
	} {
		c := &http.Client{Transport: p.transport(name)}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"token/api/v5/idpConfigurations", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(r)
		if err == nil {
			resp.Body.Close()
		}
		if (err == nil) != good {
			t.Errorf("%s: %v, want good %v", name, err, good)
		}
		c.CloseIdleConnections()
	}
	p.stop()
}

// TestPrintedPassword: what is printed is what logs in.
func TestPrintedPassword(t *testing.T) {
	needSignals(t)
	p := start(t, "--client-secret-file", secretIn(t, "s3cret"))
	password, ok := strings.CutPrefix(p.lines[0], "administrator admin, password ")
	if len(p.lines) != 1 || !ok {
		t.Fatalf("printed %q, want the administrator's password", p.lines)
	}
	token := func(form string) int {
		return p.post("auth/realms/ems/protocol/openid-connect/token", "", "application/x-www-form-urlencoded", form, nil)
	}
	if got := token("grant_type=password&client_id=ems-scl-public-client&username=admin&password=" + password); got != http.StatusOK {
		t.Errorf("password: %d, want 200", got)
	}
	if got := token("grant_type=client_credentials&client_id=ems-admin-client&client_secret=s3cret"); got != http.StatusOK {
		t.Errorf("client: %d, want 200", got)
	}
	p.stop()
}

// TestDrain: a request that is under way when the end comes is answered.
func TestDrain(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	under, ended := make(chan struct{}), make(chan error, 1)
	slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(under)
		<-ctx.Done() // the end has come, and this is not done
		_, _ = io.WriteString(w, "answered")
	})
	go func() { ended <- listen(ctx, l, slow, t.Output()) }()
	go func() {
		<-under
		end()
	}()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "answered" {
		t.Errorf("%q, %v, want the answer", body, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("listen: %v, want none", err)
	}
}
