package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/agent/token"
	"regent/cmd/completion"
	"regent/ipc/api"
	"regent/platform/localsock"
)

// sample is a registration token, and tokens never to be seen where they should
// not.
const sample = "SENTINEL-registration-token"

// sound is a registration token that decodes to user:password.
const sound = "YWdlbnQtMDEyMzQ1NjpTRU5USU5FTC03ODk="

// fakeDaemon is a daemon that answers what it was given and remembers what it was
// asked.
type fakeDaemon struct {
	events     []api.Event // of a watch
	status     status.Status
	token      api.Token
	explained  api.Explanation
	registered api.Registration
	ledger     api.Ledger
	policy     api.Policy
	store      api.Store
	contract   api.Contract
	diagnosis  api.Diagnosis
	stores     []api.Store // what Store answers before store
	err        error       // of every call but Status
	refuses    error       // of Reload
	silent     bool        // of Status: no answer comes

	exits     int // the code of a program that exec runs
	requests  []any
	socket    string
	onRequest func() // called by Register, before it answers
}

func (f *fakeDaemon) Status(ctx context.Context) (status.Status, error) {
	if f.silent {
		<-ctx.Done()
		return status.Status{}, fmt.Errorf("status: %w", ctx.Err())
	}
	return f.status, nil
}

func (f *fakeDaemon) Diagnose(context.Context) (api.Diagnosis, error) { return f.diagnosis, f.err }

func (f *fakeDaemon) Contract(context.Context) (api.Contract, error) { return f.contract, f.err }

func (f *fakeDaemon) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	f.requests = append(f.requests, r)
	return f.token, f.err
}

func (f *fakeDaemon) Register(_ context.Context, r api.RegistrationRequest) (api.Registration, error) {
	f.requests = append(f.requests, r)
	if f.onRequest != nil {
		f.onRequest()
	}
	return f.registered, f.err
}

func (f *fakeDaemon) Store(context.Context) (api.Store, error) {
	if len(f.stores) == 0 {
		return f.store, f.err
	}
	next := f.stores[0]
	f.stores = f.stores[1:]
	return next, nil
}

func (f *fakeDaemon) RunStoreOperation(_ context.Context, verb string, really bool) (api.Store, error) {
	f.requests = append(f.requests, fmt.Sprintf("%s %t", verb, really))
	return f.store, f.err
}

func (f *fakeDaemon) Unregister(context.Context) (api.Store, error) {
	f.requests = append(f.requests, "unregister")
	return f.store, f.err
}

func (f *fakeDaemon) Watch(context.Context, string) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		events := f.events
		if events == nil {
			events = []api.Event{{Instance: "cad/1", State: "live", Generation: 1}, {Instance: "cad/1", State: "live", Generation: 2}}
		}
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
		if f.err != nil {
			yield(api.Event{}, f.err)
			return
		}
		yield(api.Event{}, context.Canceled)
	}
}

func (f *fakeDaemon) Explain(_ context.Context, pid int, application string) (api.Explanation, error) {
	f.requests = append(f.requests, fmt.Sprintf("explain %d %s", pid, application))
	return f.explained, f.err
}

func (f *fakeDaemon) Policy(context.Context) (api.Policy, error) { return f.policy, f.err }

func (f *fakeDaemon) Forget(_ context.Context, application, number string) error {
	f.requests = append(f.requests, "forget "+application+" "+number)
	return f.err
}

func (f *fakeDaemon) Resolve(_ context.Context, redemption string, consumed bool) error {
	f.requests = append(f.requests, fmt.Sprintf("resolve %s %t", redemption, consumed))
	return f.err
}

func (f *fakeDaemon) VerifiedLedger(context.Context) (api.Ledger, error) { return f.ledger, f.err }

func (f *fakeDaemon) Redeem(_ context.Context, application, number string) error {
	f.requests = append(f.requests, "redeem "+application+" "+number)
	return f.err
}

func (f *fakeDaemon) Ledger(context.Context) (api.Ledger, error) { return f.ledger, f.err }

func (f *fakeDaemon) Reload(context.Context) error {
	f.requests = append(f.requests, "reload")
	return errors.Join(f.err, f.refuses)
}

// cliRun is one run of regent.
type cliRun struct {
	daemon     *fakeDaemon // nil has it look at its socket for a real one
	stdin      string
	env        map[string]string
	prompt     func(context.Context, string) ([]byte, error)
	answer     string  // to a question; "" is nobody to ask
	question   *string // gets the question; nil if no test reads it
	width      int     // of the terminal; 0 is none
	localFacts localFacts
	queryUnits unitQuery
	ask        func(context.Context, string) (string, error) // a line; nil is nobody to ask
}

// result is what a run left behind.
type result struct {
	Code     int
	Out, Err string
}

func (s cliRun) run(t *testing.T, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	code := run(t.Context(), args, runtimeEnv{
		in: strings.NewReader(s.stdin), out: &out, err: &err,
		getenv: func(name string) string { return s.env[name] },
		euid:   os.Geteuid(),
		now:    func() time.Time { return noon },
		dial: func(socket string) agent {
			if s.daemon == nil {
				return dial(socket)
			}
			s.daemon.socket = socket
			return s.daemon
		},
		prompt: s.prompt, confirm: s.confirm(), ask: s.ask, localFacts: s.localFacts, width: s.width, queryUnits: s.queryUnits,
		environ: func() []string { return []string{"PATH=/bin", "REGENT_INSTANCE=9"} },
		exec: func(_ context.Context, _ string, argv, env []string) (int, error) {
			s.daemon.requests = append(s.daemon.requests, argv, env)
			return s.daemon.exits, nil
		},
	})
	for name, text := range map[string]string{"stdout": out.String(), "stderr": err.String()} {
		if strings.Contains(text, sample) {
			t.Errorf("the registration token is on %s:\n%s", name, text)
		}
	}
	return result{code, out.String(), err.String()}
}

func (s cliRun) confirm() func(context.Context, string) (bool, error) {
	if s.answer == "" {
		return nil
	}
	return func(_ context.Context, question string) (bool, error) {
		if s.question != nil {
			*s.question = question
		}
		return s.answer == "yes", nil
	}
}

func TestStatusEndsWithTheHealth(t *testing.T) {
	tests := []struct {
		health status.Health
		want   int
	}{
		{status.Serving, 0},
		{status.Waiting, 5},
		{status.Degraded, 6},
		{status.NotServing, 7},
		{"news", 7},
	}
	for _, tt := range tests {
		for _, args := range [][]string{{"status"}, {"status", "--json"}} {
			st := servingDevice()
			st.Health = tt.health
			got := cliRun{daemon: &fakeDaemon{status: st}}.run(t, args...)
			if got.Code != tt.want || got.Err != "" || got.Out == "" {
				t.Errorf("%v, %s: got %+v, want code %d and no error text", args, tt.health, got, tt.want)
			}
		}
	}
}

func TestStatusJSONIsTheStatus(t *testing.T) {
	got := cliRun{daemon: &fakeDaemon{status: troubledDevice()}}.run(t, "status", "--json")
	var st status.Status
	if err := json.Unmarshal([]byte(got.Out), &st); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(st, troubledDevice()); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestInstances(t *testing.T) {
	daemon := &fakeDaemon{status: servingDevice()}
	got := cliRun{daemon: daemon}.run(t, "instances")
	if got.Code != 0 || !strings.HasPrefix(got.Out, "INSTANCE") || !strings.Contains(got.Out, "cad/2") {
		t.Errorf("got %+v", got)
	}
	got = cliRun{daemon: daemon}.run(t, "instances", "--json")
	var all []status.Instance
	if err := json.Unmarshal([]byte(got.Out), &all); err != nil || len(all) != 2 {
		t.Errorf("got %d instances, %v, want 2", len(all), err)
	}
	got = cliRun{daemon: &fakeDaemon{}}.run(t, "instances", "--json")
	if want := "[]\n"; got.Out != want {
		t.Errorf("of nothing: got %q, want %q", got.Out, want)
	}
}

func TestInstancesRedeem(t *testing.T) {
	holding := waitingDevice()
	holding.Tenants[0].RegistrationToken = &status.RegistrationToken{Fingerprint: "9f86d081"}
	var (
		done       = "cad/2 is redeemed: one count was used.\n"
		begun      = "cad/2 is being redeemed, for one count. See: regent status\n"
		remembered = "Accepted: cad/2 is redeemed with the next registration token, for one count.\nGive one: " + fault.Commands("sudo regent register --file FILE") + "\n"
	)
	tests := []struct {
		name   string
		status status.Status
		answer string
		args   []string
		want   result
	}{
		{"yes", holding, "yes", nil, result{Out: begun}},
		{"unasked", holding, "", []string{"--yes"}, result{Out: begun}},
		{"done at once", servingDevice(), "yes", nil, result{Out: done}},
		{"nothing to pay with", waitingDevice(), "yes", nil, result{Out: remembered}},
		{"no", holding, "no", nil, result{Code: 1, Err: "regent: nothing was changed\n"}},
		{"nobody to ask", holding, "", nil, result{Code: 2, Err: "regent: there is no terminal to ask a question; to run it without a question, add --yes\nHelp: regent instances redeem --help\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			daemon := &fakeDaemon{status: tt.status}
			got := cliRun{daemon: daemon, answer: tt.answer}.run(t, append([]string{"instances", "redeem", "cad/2"}, tt.args...)...)
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
			if asked := len(daemon.requests) > 0; asked != (tt.want.Code == 0) {
				t.Errorf("the daemon was asked for %v", daemon.requests)
			}
		})
	}
}

func TestTokenAsksForWhatTheFlagsSay(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		status status.Status
		want   api.TokenRequest
	}{
		{"instance named", []string{"--instance", "2"}, servingDevice(), api.TokenRequest{Application: "cad", Instance: "2"}},
		{"the only one", nil, singleInstance(), api.TokenRequest{Application: "cad", Instance: "1"}},
		{"not configured", nil, status.Status{}, api.TokenRequest{Application: "cad"}},
		{
			name:   "durations",
			args:   []string{"--min-ttl", "1500ms", "--wait", "1m"},
			status: singleInstance(),
			want:   api.TokenRequest{Application: "cad", Instance: "1", MinTTL: 2, Wait: 60},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			daemon := &fakeDaemon{status: tt.status}
			got := cliRun{daemon: daemon}.run(t, append([]string{"token", "--application", "cad"}, tt.args...)...)
			if got.Code != 0 {
				t.Errorf("got %+v", got)
			}
			if diff := cmp.Diff(daemon.requests, []any{tt.want}); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

// singleInstance is a device with one instance of its application.
func singleInstance() status.Status {
	s := servingDevice()
	s.Applications[0].Instances = s.Applications[0].Instances[:1]
	return s
}

func TestTokenOutput(t *testing.T) {
	tok := api.Token{AccessToken: "eyJ.a.b", TokenType: "Bearer", ExpiresIn: 720, ExpiresAt: *afterNoon(12 * time.Minute), Application: "cad", Instance: "cad/1"}
	tests := []struct{ form, want string }{
		{"token", "eyJ.a.b\n"},
		{"header", "Authorization: Bearer eyJ.a.b\n"},
	}
	for _, tt := range tests {
		got := cliRun{daemon: &fakeDaemon{token: tok}}.run(t, "token", "--application", "cad", "--instance", "1", "--output", tt.form)
		if diff := cmp.Diff(got, result{Out: tt.want}); diff != "" {
			t.Errorf("%s (-got +want):\n%s", tt.form, diff)
		}
	}
	got := cliRun{daemon: &fakeDaemon{token: tok}}.run(t, "token", "--application", "cad", "--instance", "1", "--output", "json")
	var back api.Token
	if err := json.Unmarshal([]byte(got.Out), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(back, tok); diff != "" {
		t.Errorf("json (-got +want):\n%s", diff)
	}
}

func TestBadUsage(t *testing.T) {
	file := secretFile(t)
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"toke"}, `unknown command "toke"; did you mean token?`},
		{[]string{"status", "--nope"}, "unknown flag: --nope"},
		{[]string{"token"}, "--application is required"},
		{[]string{"token", "--application", "CAD"}, `application id "CAD"`},
		{[]string{"token", "--application", "cad"}, "cad has 2 instances; name one with --instance N"},
		{[]string{"token", "--application", "cad", "--instance", "01"}, `instance "01" is not a number`},
		{[]string{"token", "--application", "cad", "--output", "xml"}, `--output is "xml", but must be one of token, json, header`},
		{[]string{"token", "--application", "cad", "--min-ttl", "-1s"}, "--min-ttl is -1s, but must be 0 or more"},
		{[]string{"token", "--application", "cad", "--wait", "-1s"}, "--wait is -1s, but must be 0 or more"},
		{[]string{"register"}, "a registration token is required: --file FILE or --stdin"},
		{[]string{"register", sample}, "regent register takes no arguments, only flags"},
		{[]string{"register", "--file", file, "--stdin"}, "exclude each other"},
		{[]string{"register", "--stdin", "--erase"}, "--erase needs --file"},
		{[]string{"register", "--file", "-", "--erase"}, "--erase needs --file"},
		{[]string{"register", "--file", file, "--wait", "-1s"}, "--wait is -1s"},
		{[]string{"instances", "cad/1"}, "regent instances takes no arguments"},
		{[]string{"instances", "redeem"}, "name one instance, such as cad/1"},
		{[]string{"instances", "redeem", "cad"}, `instance "cad" is not application/number`},
		{[]string{"completion"}, "name one shell: bash, zsh, fish, powershell"},
		{[]string{"completion", "tcsh"}, "name one shell"},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			daemon := &fakeDaemon{status: servingDevice()}
			got := cliRun{daemon: daemon}.run(t, tt.args...)
			if got.Code != 2 || got.Out != "" || !strings.HasPrefix(got.Err, "regent: ") || !strings.Contains(got.Err, tt.want) {
				t.Errorf("got %+v, want code 2 and %q", got, tt.want)
			}
			if !strings.Contains(got.Err, "\nHelp: regent") {
				t.Errorf("no next step in %q", got.Err)
			}
			if len(daemon.requests) > 0 {
				t.Errorf("the daemon was asked: %v", daemon.requests)
			}
		})
	}
}

func TestSocketComesFromFlagOrEnvironment(t *testing.T) {
	env := map[string]string{"REGENT_SOCKET": "/from/env"}
	tests := []struct {
		name string
		env  map[string]string
		args []string
		want string
	}{
		{"neither", nil, []string{"reload"}, localsock.DefaultPath},
		{"environment", env, []string{"reload"}, "/from/env"},
		{"flag", env, []string{"reload", "--socket", "/from/flag"}, "/from/flag"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			daemon := &fakeDaemon{}
			if got := (cliRun{daemon: daemon, env: tt.env}).run(t, tt.args...); got.Code != 0 {
				t.Errorf("got %+v", got)
			}
			if daemon.socket != tt.want {
				t.Errorf("got %q, want %q", daemon.socket, tt.want)
			}
		})
	}
}

func TestEveryCommandNeedsTheDaemon(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "agent.sock")
	for _, args := range [][]string{
		{"status"},
		{"ledger"},
		{"instances", "redeem", "--yes", "cad/1"},
		{"instances"},
		{"reload"},
		{"store", "status"},
		{"store", "verify"},
		{"store", "recover", "--yes"},
		{"unregister", "--yes"},
		{"seal-image"},
		{"token", "--application", "cad"},
		{"register", "--file", secretFile(t)},
	} {
		got := cliRun{}.run(t, append(args, "--socket", nowhere)...)
		if got.Code != 3 || got.Out != "" || !strings.HasPrefix(got.Err, "regent: ") ||
			!strings.Contains(got.Err, nowhere) || !strings.Contains(got.Err, "does not exist") {
			t.Errorf("%v: got %+v, want code 3, the socket and the next step", args, got)
		}
	}
}

// A daemon that took the connection and says nothing is not waited for without
// end.
func TestDaemonThatDoesNotReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		got := cliRun{daemon: &fakeDaemon{silent: true}}.run(t, "status")
		want := result{3, "", "regent: regentd does not answer within 15 s\nRead its log: " + logCommand() + "    Diagnose: regent doctor\n"}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
		if took := time.Since(began); took != callTimeout {
			t.Errorf("got it after %s, want %s", took, callTimeout)
		}
	})
}

func TestExitCodes(t *testing.T) {
	want := map[fault.Kind]int{
		fault.InvalidRequest: 2, fault.UnknownApplication: 2, fault.UnknownInstance: 2,
		fault.Denied: 4, fault.NotRegistered: 5,
	}
	for _, kind := range fault.Kinds() {
		w := want[kind]
		if w == 0 {
			w = exitFailed
		}
		if got := exitCode(fmt.Errorf("wrapped: %w", fault.New("token", kind, nil))); got != w {
			t.Errorf("%s: got %d, want %d", kind, got, w)
		}
	}
	if got, want := exitCode(nil), 0; got != want {
		t.Errorf("no error: got %d, want %d", got, want)
	}
}

func TestFlagsAreCompleted(t *testing.T) {
	tests := []struct {
		name    string
		session cliRun
		args    []string
		want    string
	}{
		{"application", cliRun{daemon: &fakeDaemon{status: troubledDevice()}}, []string{"--application", ""}, "cad\nsim\n"},
		{"application begun", cliRun{daemon: &fakeDaemon{status: troubledDevice()}}, []string{"--application", "s"}, "sim\n"},
		{"no daemon", cliRun{}, []string{"--application", ""}, ""},
		{"output", cliRun{}, []string{"--output", ""}, "token\njson\nheader\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.session.run(t, append([]string{cobra.ShellCompNoDescRequestCmd, "token"}, tt.args...)...)
			words, _, found := strings.Cut(got.Out, ":") // then what the shell may add itself
			if !found || words != tt.want {
				t.Errorf("got %+v, want %q", got, tt.want)
			}
		})
	}
}

func TestCompletionOfEveryShell(t *testing.T) {
	for _, shell := range completion.Shells() {
		got := cliRun{}.run(t, "completion", shell)
		if got.Code != 0 || !strings.Contains(got.Out, "regent") || got.Err != "" {
			t.Errorf("%s: got code %d and %d bytes", shell, got.Code, len(got.Out))
		}
	}
}

func TestVersion(t *testing.T) {
	got := cliRun{}.run(t, "version")
	if got.Code != 0 || !strings.HasPrefix(got.Out, "regent ") {
		t.Errorf("got %+v", got)
	}
}

func TestHelpWithoutACommand(t *testing.T) {
	got := cliRun{}.run(t)
	if got.Code != 0 || !strings.Contains(got.Out, "Exit codes: 0 done") {
		t.Errorf("got %+v", got)
	}
}

// secretFile is a registration token's file as expected be.
func secretFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "registration-token")
	if err := os.WriteFile(path, []byte(sound+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// registered is the daemon's answer when all went well.
func registered(instances ...status.Instance) api.Registration {
	return api.Registration{Tenant: "demo-host.com", Fingerprint: "9f86d081", Stored: true, Instances: instances}
}

func liveInstance(name string) status.Instance {
	return status.Instance{Name: name, State: string(token.Live), ExpiresIn: 720}
}
