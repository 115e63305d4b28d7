package stories

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/csv"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"regent/agent/tms/emulator"
	"regent/ipc/client"
)

// patience bounds every wait of a story. It is long: a wait that is over ends
// at once, and only a story that fails pays it.
const patience = 2 * time.Minute

// TestStories runs the stories of testdata/script with the real programs, as
// processes, over real sockets and TLS, in each dialect of the service. Each has a directory of its own with
// etc/ and state/, sockets of its own at $REGENT_SOCKET and $OTHER_SOCKET, and
// these commands beside testscript's and those of files:
//
//	emulator [FLAGS]    starts tms-emulator; $TENANT, ca.pem and password are there
//	resolve CSV I HOW   decides the redemption of instance I that the ledger's CSV calls uncertain
//	knobs JSON          turns the emulator's knobs
//	term NAME           SIGTERM, on Windows Ctrl-C, to emulator, regentd or an app; fails unless it exits 0
//	kill9 NAME          SIGKILL, on Windows TerminateProcess
//	hup NAME            SIGHUP, on Windows regent reload
//	matrix              damages copies of sound/ in every way, and starts on each
//	clones              lets what may happen to a device happen to copies of sound/, and starts on each
//	requests FILE       how many requests the emulator has had
//	daemon [FLAGS]      starts regentd run and waits until its socket answers
//	app NAME [FLAGS]    a process that asks for a token and lives on; NAME.out has what it got
//	await REGEXP CMD…   runs CMD again and again until its output matches
//	within TIME CMD…    runs CMD, which is to take no longer
//	pause TIME          lets time pass
//
// Conditions: [root] is of who can write managed policy; [wine] is a Windows that
// is none.
func TestStories(t *testing.T) {
	bin := programs(t)
	eachDialect(t, func(t *testing.T, d emulator.Dialect, scripts []string) { runStories(t, bin, d, scripts) })
}

func runStories(t *testing.T, bin string, d emulator.Dialect, scripts []string) {
	testscript.Run(t, testscript.Params{
		Files:       scripts,
		WorkdirRoot: shortDir(t),
		Condition:   condition,
		Setup:       func(env *testscript.Env) error { return setUp(env, bin, d) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"emulator": startEmulator,
			"knobs":    setEmulator,
			"resolve":  resolve,
			"daemon":   startDaemon,
			"requests": countRequests,
			"matrix":   damageMatrix,
			"clones":   cloneMatrix,
			"app":      startApp,
			"term":     end,
			"kill9":    kill,
			"hup":      hangUp,
			"await":    await,
			"within":   expectWithin,
			"pause":    pause,

			"answers":    answerFile,
			"copydir":    copyDir,
			"glob":       glob,
			"replace":    replaceText,
			"nowhere":    absentIn,
			"await-gone": awaitGone,
		},
	})
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

func setUp(env *testscript.Env, bin string, d emulator.Dialect) error {
	env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Setenv("REGENT_SOCKET", socketOf(env.WorkDir, "agent"))
	env.Setenv("OTHER_SOCKET", socketOf(env.WorkDir, "other"))
	env.Setenv("NO_PROXY", "*")
	me, err := user.Current()
	if err != nil {
		return err
	}
	env.Setenv("ME", me.Username)
	env.Setenv("TMSCTL_PROFILES", filepath.Join(env.WorkDir, "tmsctl", "profiles.yaml"))
	s := &story{running: map[string]*program{}, dialect: d}
	env.Values[storyKey{}] = s
	env.Defer(func() { s.endAll(env.T()) })
	for _, dir := range []string{"etc", "etc/config.d"} {
		if err := os.MkdirAll(filepath.Join(env.WorkDir, dir), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// startEmulator starts the service. Its administrator's password is in the file
// password, its certificate authority in ca.pem, its address in $TENANT.
func startEmulator(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs("password"), []byte("correct horse\n"), 0o600))
	p := start(ts, "emulator", append([]string{
		"tms-emulator", "--ca-out", ts.MkAbs("ca.pem"), "--admin-password-file", ts.MkAbs("password"),
		"--dialect", string(ts.Value(storyKey{}).(*story).dialect), "--request-body", "strict",
	}, args...)...)
	m := p.line(ts, `^listening on (https://\S+?)/?$`)
	ts.Setenv("TENANT", m[1])
	ts.Setenv("TMSCTL_TENANT", m[1])
	admin := "--user admin --password-file " + ts.MkAbs("password") + " --ca-file " + ts.MkAbs("ca.pem")
	ts.Setenv("ADMIN", admin)
	fill(ts)
}

// setEmulator changes how the emulator behaves while it runs.
func setEmulator(ts *testscript.TestScript, _ bool, args []string) {
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
	mine, err := groupOf(me)
	ts.Check(err)
	for _, pattern := range []string{"etc/*.yaml", "etc/*/*.yaml", "*.yaml"} {
		files, err := filepath.Glob(ts.MkAbs(pattern))
		ts.Check(err)
		for _, file := range files {
			b, err := os.ReadFile(file)
			ts.Check(err)
			text := strings.NewReplacer(
				"$TENANT", ts.Getenv("TENANT"), "$WORK", ts.Getenv("WORK"),
				"$USERNAME", me.Username, "$GROUPNAME", mine, "$UID", me.Uid,
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
	c := client.New(client.Options{Socket: ts.Getenv("REGENT_SOCKET")})
	defer c.Close()
	for until := time.Now().Add(patience); !isUp(c); time.Sleep(20 * time.Millisecond) {
		ended(ts, p)
		if time.Now().After(until) {
			ts.Fatalf("regentd does not answer:\n%s", p.log)
		}
	}
}

func isUp(c *client.Client) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second) // under Wine the first may be connected to nobody
	defer cancel()
	_, err := c.Status(ctx)
	return err == nil
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
	out := awaitOutput(ts, regexp.MustCompile("(?m)"+args[0]), args[1:])
	ts.Check(os.WriteFile(ts.MkAbs("awaited"), out, 0o600))
}

func awaitOutput(ts *testscript.TestScript, re *regexp.Regexp, args []string) []byte {
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
	}
}

// expectWithin runs a command that has a promise to keep.
func expectWithin(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: within TIME CMD…")
	}
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	began := time.Now()
	ts.Check(ts.Exec(args[1], args[2:]...))
	if took := time.Since(began); took > limit {
		ts.Fatalf("%q took %s", args[1:], took)
	}
}

func pause(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: pause TIME")
	}
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	time.Sleep(d)
}

// ended fails the story if a program that should run has ended.
func ended(ts *testscript.TestScript, p *program) {
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
		if row[4] == args[1] && (row[7] == "uncertain" || args[2] == "--listed" || args[2] == "--not-listed") {
			ts.Check(ts.Exec("regent", "ledger", "resolve", row[0], args[2]))
			return
		}
	}
	ts.Fatalf("no redemption of %s is uncertain in %v", args[1], rows)
}
