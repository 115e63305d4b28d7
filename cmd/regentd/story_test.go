//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience bounds every wait of a story. It is long: a wait that is over ends
// at once, and only a story that fails pays it.
const patience = 30 * time.Second

// TestStories runs the stories of testdata/script with the real programs, as
// processes, over real sockets and TLS. Each has a directory of its own with
// etc/, state/ and agent.sock, and these commands beside testscript's:
//
//	emulator [FLAGS]    starts tms-emulator; $TENANT, ca.pem and password are there
//	resolve CSV I HOW   decides the redemption of instance I that the ledger's CSV calls uncertain
//	knobs JSON          turns the emulator's knobs
//	term NAME           SIGTERM to emulator, regentd or an app; fails unless it exits 0
//	kill9 NAME          SIGKILL
//	hup NAME            SIGHUP
//	matrix              damages copies of sound/ in every way, and starts on each
//	clones              lets what may happen to a device happen to copies of sound/, and starts on each
//	requests FILE       how many requests the emulator has had
//	daemon [FLAGS]      starts regentd run and waits until its socket answers
//	app NAME [FLAGS]    a process that asks for a token and lives on; NAME.out has what it got
//	await REGEXP CMD…   runs CMD again and again until its output matches
func TestStories(t *testing.T) {
	bin := build(t)
	testscript.Run(t, testscript.Params{
		Dir:         "testdata/script",
		WorkdirRoot: shortDir(t),
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Setup: func(env *testscript.Env) error { return setUp(env, bin) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"emulator": startEmulator,
			"knobs":    turnKnobs,
			"resolve":  resolve,
			"daemon":   startDaemon,
			"requests": countRequests,
			"matrix":   matrix,
			"clones":   clones,
			"app":      startApp,
			"term":     func(ts *testscript.TestScript, neg bool, args []string) { end(ts, neg, args, syscall.SIGTERM) },
			"kill9":    func(ts *testscript.TestScript, neg bool, args []string) { end(ts, neg, args, syscall.SIGKILL) },
			"hup":      hangUp,
			"await":    await,
		},
	})
}

// build makes programs once, into a directory that goes with the test: all of
// them, if none is named.
func build(t testing.TB, programs ...string) string {
	t.Helper()
	if programs == nil {
		programs = []string{"./cmd/regentd", "./cmd/regent", "./cmd/tmsctl", "./cmd/tms-emulator", "./cmd/demo"}
	}
	bin := t.TempDir()
	cmd := exec.Command("go", append([]string{"build", "-o", bin + "/"}, programs...)...)
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return bin
}

// shortDir is for sockets, whose paths have at most 107 bytes.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rg") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func setUp(env *testscript.Env, bin string) error {
	env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Setenv("REGENT_SOCKET", filepath.Join(env.WorkDir, "agent.sock"))
	env.Setenv("NO_PROXY", "*")
	s := &story{running: map[string]*process{}}
	env.Values[storyKey{}] = s
	env.Defer(s.endAll)
	for _, dir := range []string{"etc", "etc/config.d"} {
		if err := os.MkdirAll(filepath.Join(env.WorkDir, dir), 0o755); err != nil {
			return err
		}
	}
	return nil
}

type storyKey struct{}

// story is what one script has started.
type story struct{ running map[string]*process }

// process is a program that runs beside the script.
type process struct {
	*exec.Cmd
	in    io.WriteCloser
	lines chan string // of its standard output
	done  chan error
	log   *logFile
}

// logFile takes what a program says; it is shown when the story fails.
type logFile struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logFile) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logFile) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// start runs a program beside the script, under a name.
func start(ts *testscript.TestScript, name string, args ...string) *process {
	s := ts.Value(storyKey{}).(*story)
	if _, ok := s.running[name]; ok {
		ts.Fatalf("%s runs already", name)
	}
	path, err := lookPath(ts.Getenv("PATH"), args[0])
	ts.Check(err)
	p := &process{Cmd: exec.Command(path, args[1:]...), lines: make(chan string, 100), done: make(chan error, 1), log: &logFile{}}
	p.Dir, p.Stderr = ts.Getenv("WORK"), p.log
	p.Env = append(os.Environ(), "REGENT_SOCKET="+ts.Getenv("REGENT_SOCKET"))
	if dir := ts.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		p.Env = append(p.Env, "CREDENTIALS_DIRECTORY="+dir)
	}
	out, err := p.StdoutPipe()
	ts.Check(err)
	p.in, err = p.StdinPipe()
	ts.Check(err)
	ts.Check(p.Start())
	s.running[name] = p
	go p.follow(out)
	return p
}

// follow reads what the program says until it ends.
func (p *process) follow(out io.Reader) {
	for sc := bufio.NewScanner(out); sc.Scan(); {
		fmt.Fprintln(p.log, sc.Text())
		p.lines <- sc.Text()
	}
	close(p.lines)
	p.done <- p.Wait()
}

func lookPath(path, name string) (string, error) {
	for _, dir := range filepath.SplitList(path) {
		if file := filepath.Join(dir, name); isFile(file) {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s is not in PATH", name)
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

// line waits for a line that matches, and returns its submatches.
func (p *process) line(ts *testscript.TestScript, pattern string) []string {
	re := regexp.MustCompile(pattern)
	deadline := time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				ts.Fatalf("%s ended without saying %q:\n%s", p.Path, pattern, p.log)
			}
			if m := re.FindStringSubmatch(line); m != nil {
				return m
			}
		case <-deadline:
			ts.Fatalf("%s did not say %q:\n%s", p.Path, pattern, p.log)
		}
	}
}

func (s *story) endAll() {
	for _, p := range s.running {
		_ = p.Process.Kill() // it may have ended already
		<-p.done
	}
}

func named(ts *testscript.TestScript, args []string) (*story, *process) {
	if len(args) != 1 {
		ts.Fatalf("usage: term|kill9|hup NAME")
	}
	s := ts.Value(storyKey{}).(*story)
	p, ok := s.running[args[0]]
	if !ok {
		ts.Fatalf("%s does not run", args[0])
	}
	return s, p
}

// end sends a signal and waits for the end.
func end(ts *testscript.TestScript, neg bool, args []string, sig syscall.Signal) {
	s, p := named(ts, args)
	ts.Check(p.Process.Signal(sig))
	select {
	case err := <-p.done:
		delete(s.running, args[0])
		ts.Logf("%s:\n%s", args[0], p.log)
		if sig == syscall.SIGTERM && (err != nil) != neg {
			ts.Fatalf("%s ended with %v", args[0], err)
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[0]+".log"), []byte(p.log.String()), 0o600))
	case <-time.After(patience):
		ts.Fatalf("%s does not end:\n%s", args[0], p.log)
	}
}

func hangUp(ts *testscript.TestScript, _ bool, args []string) {
	_, p := named(ts, args)
	ts.Check(p.Process.Signal(syscall.SIGHUP))
}

// startEmulator starts the service. Its administrator's password is in the file
// password, its certificate authority in ca.pem, its address in $TENANT.
func startEmulator(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs("password"), []byte("correct horse\n"), 0o600))
	p := start(ts, "emulator", append([]string{
		"tms-emulator", "--ca-out", ts.MkAbs("ca.pem"), "--admin-password-file", ts.MkAbs("password"),
	}, args...)...)
	m := p.line(ts, `^listening on (https://\S+?)/?$`)
	ts.Setenv("TENANT", m[1])
	ts.Setenv("TMSCTL_TENANT", m[1])
	admin := "--user admin --password-file " + ts.MkAbs("password") + " --ca-file " + ts.MkAbs("ca.pem")
	ts.Setenv("ADMIN", admin)
	fill(ts)
}

// turnKnobs changes how the emulator behaves while it runs.
func turnKnobs(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: knobs JSON")
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(ts.ReadFile("ca.pem")))
	c := &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer c.CloseIdleConnections()
	resp, err := c.Post(ts.Getenv("TENANT")+"/_emulator/knobs", "application/json", strings.NewReader(args[0]))
	ts.Check(err)
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		b, _ := io.ReadAll(resp.Body)
		ts.Fatalf("knobs: %s: %s", resp.Status, b)
	}
}

// fill puts $TENANT, $WORK and who we are into the configuration that the script
// wrote.
func fill(ts *testscript.TestScript) {
	me, err := user.Current()
	ts.Check(err)
	mine, err := user.LookupGroupId(me.Gid)
	ts.Check(err)
	for _, pattern := range []string{"etc/*.yaml", "etc/*/*.yaml", "*.yaml"} {
		files, err := filepath.Glob(ts.MkAbs(pattern))
		ts.Check(err)
		for _, file := range files {
			b, err := os.ReadFile(file)
			ts.Check(err)
			text := strings.NewReplacer(
				"$TENANT", ts.Getenv("TENANT"), "$WORK", ts.Getenv("WORK"),
				"$USERNAME", me.Username, "$GROUPNAME", mine.Name, "$UID", me.Uid,
			).Replace(string(b))
			ts.Check(os.WriteFile(file, []byte(text), 0o644))
		}
	}
}

// startDaemon starts regentd and waits until it answers.
func startDaemon(ts *testscript.TestScript, _ bool, args []string) {
	fill(ts)
	p := start(ts, "regentd", append([]string{
		"regentd", "run", "--config", ts.MkAbs("etc/config.yaml"), "--policy-dir", ts.MkAbs("etc/policy.d"),
		"--state-dir", ts.MkAbs("state"), "--socket", ts.Getenv("REGENT_SOCKET"),
	}, args...)...)
	awaitOutput(ts, p, regexp.MustCompile(`"health"`), []string{"regent", "status", "--json"})
}

// startApp starts an application: it leases an instance, says what it got, and
// holds it until it is ended.
func startApp(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 1 {
		ts.Fatalf("usage: app NAME [FLAGS]")
	}
	p := start(ts, args[0], append([]string{"demo", "app", "-socket", ts.Getenv("REGENT_SOCKET")}, args[1:]...)...)
	_, err := io.WriteString(p.in, "\n") // it asks once for each line
	ts.Check(err)
	m := p.line(ts, `"fingerprint":"[0-9a-f]+"`)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".out"), []byte(m[0]+"\n"), 0o600))
}

// await runs a command again and again until its output matches. Its last
// output stays in stdout and stderr of the script's file "awaited".
func await(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: await REGEXP CMD…")
	}
	out := awaitOutput(ts, nil, regexp.MustCompile("(?m)"+args[0]), args[1:])
	ts.Check(os.WriteFile(ts.MkAbs("awaited"), out, 0o600))
}

func awaitOutput(ts *testscript.TestScript, beside *process, re *regexp.Regexp, args []string) []byte {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	path, err := lookPath(ts.Getenv("PATH"), args[0])
	ts.Check(err)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		cmd := exec.CommandContext(ctx, path, args[1:]...)
		cmd.Dir = ts.Getenv("WORK")
		cmd.Env = append(os.Environ(), "REGENT_SOCKET="+ts.Getenv("REGENT_SOCKET"), "TMSCTL_TENANT="+ts.Getenv("TMSCTL_TENANT"))
		out, _ := cmd.CombinedOutput() // what it says decides, not how it ends
		if re.Match(out) {
			return out
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			ts.Fatalf("%q never said %q; the last was:\n%s", args, re, out)
		}
		if beside != nil {
			ended(ts, beside)
		}
	}
}

// ended fails the story if a program that should run has ended.
func ended(ts *testscript.TestScript, p *process) {
	select {
	case err := <-p.done:
		p.done <- err
		ts.Fatalf("%s ended with %v:\n%s", p.Path, err, p.log)
	default:
	}
}

// resolve finds the identifier of an uncertain redemption in an export of the
// ledger, as a person does, and says what became of it.
func resolve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: resolve CSV INSTANCE HOW")
	}
	rows, err := csv.NewReader(strings.NewReader(ts.ReadFile(args[0]))).ReadAll()
	ts.Check(err)
	for _, row := range rows {
		if row[4] == args[1] && row[7] == "uncertain" {
			ts.Check(ts.Exec("regent", "ledger", "resolve", row[0], args[2]))
			return
		}
	}
	ts.Fatalf("no redemption of %s is uncertain in %v", args[1], rows)
}
