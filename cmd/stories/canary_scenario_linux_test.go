package stories

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"regent/ipc/api"
	"regent/platform/keyring"
)

// anyCode is for programs that may end as they like.
const anyCode = -1

// prints is what the commands may show whose purpose it is.
var prints = []string{accessKind}

// firstRun is a device's life with a registration token that comes in each way,
// through a proxy with a password, with good answers and odd ones. The log is text.
func (s *scenario) firstRun() {
	s.configure("text")
	d := s.daemon()
	s.serving("by the credential", 2)
	s.administer()
	s.register()
	s.ask()
	s.until("each instance is refreshed", func() bool {
		st, err := s.client.Status(s.Context())
		return err == nil && st.Applications[0].Instances[0].Generation > 1 && st.Applications[0].Instances[1].Generation > 1
	})
	s.errorReplies()
	for _, args := range [][]string{{"verify"}, {"drill"}, {"rekey", "--yes"}, {"status", "--json"}} {
		s.run(0, nil, "", "regent", append([]string{"store"}, args...)...)
	}
	s.serving("after the key was exchanged", 2)
	s.collect(d)
	d.stop(s.T)
	s.collectLog(d)
	s.evidence.addFiles(s.T, s.dir)
}

// secondRun begins with a damaged record, and unregisters. The log is JSON.
func (s *scenario) secondRun() {
	records, err := filepath.Glob(s.path("state/records/r-auth-token*cad%2f1.rec"))
	if err != nil || len(records) != 1 {
		s.Fatalf("got %q, %v, want the record of cad/1", records, err)
	}
	if err := os.Truncate(records[0], 100); err != nil {
		s.Fatal(err)
	}
	s.configure("json")
	d := s.daemon()
	s.run(1, nil, "", "regent", "token", "--application", "cad", "--instance", "2")
	s.run(1, nil, "", "regent", "store", "verify")
	s.run(0, nil, "", "regent", "store", "recover", "--yes")
	s.serving("what was whole", 1)
	s.evidence.addFiles(s.T, s.dir)
	s.run(0, nil, "", "regent", "unregister", "--yes")
	s.run(anyCode, nil, s.newRegistrationToken(), "regent", "register", "--stdin") // a slow network is tried again
	s.serving("a new registration", 2)
	s.collect(d)
	d.stop(s.T)
	s.collectLog(d)
}

func (s *scenario) serving(what string, instances int) {
	s.Helper()
	s.until(what, func() bool {
		st, err := s.client.Status(s.Context())
		live := 0
		for _, app := range st.Applications {
			for _, i := range app.Instances {
				if i.State == "live" {
					live++
				}
			}
		}
		return err == nil && live >= instances
	})
}

// administer is what the Contact Administrator does.
func (s *scenario) administer() {
	as := func(args ...string) {
		s.run(0, nil, "", "tmsctl", append([]string{
			"--tenant", s.tenant, "--user", "admin", "--password-file", s.path("in/password"), "--ca-file", s.path("in/ca.pem"),
		}, args...)...)
	}
	as("registration-token", "create", "--count", "9", "--identifier", "made", "--out", s.path("in/made"))
	made, err := os.ReadFile(s.path("in/made"))
	if err != nil {
		s.Fatal(err)
	}
	s.canaries.add(registrationKind, strings.TrimSpace(string(made)))
	as("registration-token", "list")
	as("auth-token", "list", "--json")
	s.run(anyCode, nil, "", "tmsctl", "--tenant", s.tenant, "--user", "admin", "--password-file", s.path("in/proxy"), "--ca-file", s.path("in/ca.pem"), "auth-token", "list")
}

// register gives registration tokens in every way, good ones and others.
func (s *scenario) register() {
	wrong := strings.ReplaceAll(s.newSecret(stray), " ", "_")
	s.canaries.add(stray, wrong)
	s.write("drop/erased", s.newRegistrationToken())
	s.run(anyCode, nil, "", "regent", "register", "--file", s.path("drop/erased"), "--erase", "--wait", "30s")
	s.run(anyCode, nil, s.newRegistrationToken(), "regent", "register", "--stdin", "--wait", "30s")
	s.run(anyCode, nil, wrong, "regent", "register", "--stdin", "--wait", "1s")
	s.run(1, nil, wrong+" and more", "regent", "register", "--stdin")
	s.run(anyCode, nil, s.newRegistrationToken(), "regent", "register", "--stdin", "--tenant", "https://127.0.0.1:1", "--wait", "1s")
	s.write("drop/token.new", s.newRegistrationToken())
	if err := os.Rename(s.path("drop/token.new"), s.path("drop/token")); err != nil {
		s.Fatal(err)
	}
	s.until("the file of the registration token goes", func() bool {
		_, err := os.Stat(s.path("drop/token"))
		return os.IsNotExist(err)
	})
}

// ask is what applications, users and administrators do.
func (s *scenario) ask() {
	for _, output := range []string{"token", "header", "json"} {
		s.run(0, prints, "", "regent", "token", "--application", "cad", "--instance", "1", "--output", output)
	}
	s.run(0, nil, "", "regent", "exec", "--application", "cad", "--", "env")
	for _, line := range []string{
		"status", "status --json", "instances", "instances --json", "ledger", "ledger --json", "ledger --csv", "ledger verify",
		"policy --all", "policy --json", "store", "version", "reload",
	} {
		s.run(anyCode, nil, "", "regent", strings.Fields(line)...)
	}
	s.run(anyCode, nil, "", "regent", "token", "--application", "nobody", "--instance", "1")
	s.run(anyCode, nil, "", "timeout", "0.3", filepath.Join(s.bin, "regent"), "watch", "--application", "cad")
	s.metrics()
}

// metrics asks for them as a collector does.
func (s *scenario) metrics() {
	over := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", s.path("agent.sock"))
	}}
	defer over.CloseIdleConnections()
	answer, err := (&http.Client{Transport: over, Timeout: patience}).Get("http://regent/metrics")
	if err != nil {
		s.Error(err)
		return
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.Error(err)
	}
	s.evidence.add(evidenceItem{place: inMetrics, name: answer.Status, content: body})
}

// errorReplies has the service say in its errors what it was sent, to a redemption
// and to a refresh.
func (s *scenario) errorReplies() {
	s.echo.Store(true)
	s.run(anyCode, nil, "", "regent", "token", "--application", "cam", "--instance", "1")
	if _, err := s.client.Token(s.Context(), api.TokenRequest{Application: "cad", Instance: "1", MinTTL: 10, Wait: 2}); err != nil {
		s.Logf("a token while the service is odd: %v", err)
	}
	for _, line := range []string{"status", "status --json", "ledger", "instances"} {
		s.run(anyCode, nil, "", "regent", strings.Fields(line)...)
	}
	s.echo.Store(false)
}

// collect notes the data key, and looks at all that there is while the daemon
// runs.
func (s *scenario) collect(d *daemonProcess) {
	s.Helper()
	s.noteDataKey()
	s.evidence.addOpenFiles(s.T, d.pid())
	s.evidence.addFiles(s.T, s.dir)
}

func (s *scenario) noteDataKey() {
	s.Helper()
	ring, err := keyring.Open(keyring.Options{Kind: keyring.File, StateDir: s.path("state"), CredentialsDir: s.path("in/credentials")})
	if err != nil {
		s.Fatal(err)
	}
	key, err := ring.Key(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	s.canaries.add(dataKeyKind, string(key))
}

// abort ends a daemon as a defect does, where it might leave a core: what it says
// then, and what it leaves, is searched.
func (s *scenario) abort() {
	d := s.daemon()
	s.serving("before the abort", 2)
	s.noteDataKey()
	before := s.cores()
	s.abortRegistering()
	if err := syscall.Kill(d.pid(), syscall.SIGQUIT); err != nil {
		s.Fatal(err)
	}
	<-d.done
	status, ok := d.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.CoreDump() {
		s.Errorf("the daemon ended with %v, core dumped: %t", d.cmd.ProcessState, status.CoreDump())
	}
	if after := s.cores(); !slices.Equal(before, after) {
		s.Errorf("the abort left %q", after)
	}
	s.collectLog(d)
	said := d.said.String()
	if !strings.Contains(said, "goroutine ") {
		s.Errorf("the abort says nothing of the goroutines, whose arguments are of interest:\n%.200s", said)
	}
	s.evidence.add(evidenceItem{place: inCore, name: "what it said", content: []byte(said)})

	shell := exec.Command("sh", "-c", "ulimit -c unlimited; kill -ABRT $$")
	shell.Dir = s.path("tmp")
	_ = shell.Run() // it is killed
	status, ok = shell.ProcessState.Sys().(syscall.WaitStatus)
	s.Logf("canary: the daemon was aborted and left no core; a shell aborted in the same way left one: %t", ok && status.CoreDump())
	for _, core := range s.cores() {
		if err := os.Remove(core); err != nil {
			s.Error(err)
		}
	}
}

// abortRegistering ends regent while it holds a registration token.
func (s *scenario) abortRegistering() {
	s.Helper()
	regent := s.command("regent", "register", "--stdin")
	cmd := exec.Command("sh", append([]string{"-c", `ulimit -c unlimited; exec "$@"`, "sh"}, regent.Args...)...)
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = regent.Dir, regent.Env, &out, &out
	in, err := cmd.StdinPipe()
	if err != nil {
		s.Fatal(err)
	}
	defer in.Close()
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	if _, err := io.WriteString(in, s.newRegistrationToken()); err != nil {
		s.Fatal(err)
	}
	limits := fmt.Sprintf("/proc/%d/limits", cmd.Process.Pid)
	s.until("regent register forbids dumps of itself", func() bool {
		b, err := os.ReadFile(limits)
		return err == nil && regexp.MustCompile(`(?m)^Max core file size +0 +0 `).Match(b)
	})
	if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		s.Fatal(err)
	}
	_ = cmd.Wait() // it is killed
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.CoreDump() {
		s.Errorf("regent register ended with %v, core dumped: %t", cmd.ProcessState, status.CoreDump())
	}
	s.evidence.add(evidenceItem{place: inCore, name: "what regent register said", content: out.Bytes()})
}

// cores lists what may be one, where the programs ran.
func (s *scenario) cores() []string {
	var found []string
	for _, dir := range []string{"home", "tmp", "state", "."} {
		files, err := filepath.Glob(s.path(dir) + "/*core*")
		if err != nil {
			s.Fatal(err)
		}
		found = append(found, files...)
	}
	return found
}

// misplacedSecrets are secrets where none belongs: what is said of them does not repeat
// them.
func (s *scenario) misplacedSecrets() {
	secret := strings.Map(func(r rune) rune {
		if strings.ContainsRune(` "/&%<+`, r) {
			return '-'
		}
		return r
	}, s.newSecret(stray))
	s.canaries.add(stray, secret)
	for _, text := range []string{
		"registration_token: " + secret,
		"tenant: https://alice:" + secret + "@demo-host.com/",
		"network: {proxy: \"http://alice:" + secret + "@proxy.example.com:3128\"}",
		"network: {proxy_credentials: \"alice:" + secret + "\"}",
	} {
		s.write("in/mistake.yaml", text+"\n")
		s.run(2, nil, "", "regentd", "check-config", "--config", s.path("in/mistake.yaml"), "--policy-dir", s.path("policy.d"))
	}
	s.run(3, nil, secret, "regent", "register", "--stdin") // nobody is there
	s.write("in/half", secret+"\n"+secret)
	s.run(1, nil, "", "regent", "register", "--file", s.path("in/half"))
}
