package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/agent/token"

	"regent/ipc/api"
)

func TestRegisterSendsTheToken(t *testing.T) {
	file := secretFile(t)
	typed := func(context.Context, string) ([]byte, error) { return []byte(" " + sound), nil }
	tests := []struct {
		name    string
		session cliRun
		args    []string
		want    api.RegistrationRequest
	}{
		{"file", cliRun{}, []string{"--file", file}, api.RegistrationRequest{Source: "file " + file, Wait: 30}},
		{"stdin", cliRun{stdin: sound + "\r\n"}, []string{"--stdin"}, api.RegistrationRequest{Source: "stdin", Wait: 30}},
		{"dash", cliRun{stdin: sound}, []string{"--file", "-"}, api.RegistrationRequest{Source: "stdin", Wait: 30}},
		{"terminal", cliRun{prompt: typed}, []string{"--stdin"}, api.RegistrationRequest{Source: "terminal", Wait: 30}},
		{"terminal unasked", cliRun{prompt: typed}, nil, api.RegistrationRequest{Source: "terminal", Wait: 30}},
		{
			name:    "all flags",
			session: cliRun{},
			args:    []string{"--file", file, "--application", "cad", "--tenant", "https://demo-host.com", "--wait", "0"},
			want:    api.RegistrationRequest{Source: "file " + file, Application: "cad", Tenant: "https://demo-host.com"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.session.daemon = &fakeDaemon{registered: registered(liveInstance("cad/1"), liveInstance("cad/2"))}
			got := tt.session.run(t, append([]string{"register"}, tt.args...)...)
			want := result{0, "Registration token 9f86d081 is sealed, for demo-host.com.\n" +
				"  cad/1  registered, token valid for 12 min\n" +
				"  cad/2  registered, token valid for 12 min\n", ""}
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
			tt.want.RegistrationToken = sound
			if diff := cmp.Diff(tt.session.daemon.requests, []any{tt.want}); diff != "" {
				t.Errorf("asked (-got +want):\n%s", diff)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("the file went without --erase: %v", err)
			}
		})
	}
}

func TestRegisterRefusesWhatIsNoToken(t *testing.T) {
	tests := []struct {
		name    string
		session cliRun
		args    []string
		want    string
	}{
		{"missing", cliRun{}, []string{"--file", "/nowhere/token"}, "no such file"},
		{"empty stdin", cliRun{stdin: "\n"}, []string{"--stdin"}, "registration token from stdin: is empty"},
		{"two tokens", cliRun{stdin: "one two"}, []string{"--stdin"}, "has a space inside"},
		{
			"terminal gone",
			cliRun{prompt: func(context.Context, string) ([]byte, error) { return nil, errors.New("read from the terminal: gone") }},
			nil, "read from the terminal: gone",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.session.daemon = &fakeDaemon{}
			got := tt.session.run(t, append([]string{"register"}, tt.args...)...)
			if got.Code != 1 || !strings.Contains(got.Err, tt.want) {
				t.Errorf("got %+v, want code 1 and %q", got, tt.want)
			}
			if len(tt.session.daemon.requests) > 0 {
				t.Error("the daemon was asked")
			}
		})
	}
}

// Told to end while nobody types or writes, regent ends.
func TestRegisterIsInterrupted(t *testing.T) {
	nobody, writer := io.Pipe()
	defer writer.Close()
	for _, args := range [][]string{{"register"}, {"register", "--stdin"}} {
		ctx, cancel := context.WithCancel(t.Context())
		var out, err bytes.Buffer
		s := runtimeEnv{in: nobody, out: &out, err: &err, getenv: os.Getenv, dial: func(string) agent { return &fakeDaemon{} }}
		if len(args) == 1 {
			s.prompt = func(ctx context.Context, _ string) ([]byte, error) {
				cancel()
				return nil, ctx.Err()
			}
		} else {
			cancel()
		}
		if code := run(ctx, args, s); code != exitFailed || err.String() != "regent: interrupted\n" {
			t.Errorf("%v: got %d, %q", args, code, err.String())
		}
	}
}

// The file goes when the daemon has the sealed copy, and only then: with the
// request refused it is all there is.
func TestRegisterErases(t *testing.T) {
	exhausted := status.Instance{
		Name: "cad/1", State: string(token.Unredeemed),
		LastFault: &status.Fault{Code: string(fault.RegistrationExhausted), Detail: "none left"},
	}
	unneeded := registered(liveInstance("cad/1"))
	unneeded.Stored = false
	tests := []struct {
		name   string
		daemon fakeDaemon
		flag   string
		code   int
		gone   bool
	}{
		{"redeemed", fakeDaemon{registered: registered(liveInstance("cad/1"))}, "--erase", 0, true},
		{"sealed, but of no use", fakeDaemon{registered: registered(exhausted)}, "--erase", 1, true},
		{"not taken", fakeDaemon{err: fault.New("register", fault.StoreLocked, nil)}, "--erase", 1, false},
		{"not needed", fakeDaemon{registered: unneeded}, "--erase", 0, false},
		{"not needed, all the same", fakeDaemon{registered: unneeded}, "--erase-unneeded", 0, true},
		{"not taken, all the same", fakeDaemon{err: fault.New("register", fault.StoreLocked, nil)}, "--erase-unneeded", 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := secretFile(t)
			tt.daemon.onRequest = func() {
				if _, err := os.Stat(file); err != nil {
					t.Errorf("it went before the answer: %v", err)
				}
			}
			got := cliRun{daemon: &tt.daemon}.run(t, "register", "--file", file, "--erase", tt.flag)
			if got.Code != tt.code {
				t.Errorf("got %+v, want code %d", got, tt.code)
			}
			_, err := os.Stat(file)
			if gone := errors.Is(err, fs.ErrNotExist); gone != tt.gone {
				t.Errorf("gone: got %v, want %v", gone, tt.gone)
			}
			if said := strings.Contains(got.Out, "Deleted "+file); said != tt.gone {
				t.Errorf("said so: got %v, want %v", said, tt.gone)
			}
		})
	}
}

// A registration token that nothing needs is not called sealed.
func TestRegisterNamesUnneededTokens(t *testing.T) {
	reply := registered(liveInstance("cad/1"))
	reply.Stored = false
	got := cliRun{daemon: &fakeDaemon{registered: reply}, stdin: sound}.run(t, "register", "--stdin")
	if got.Code != 0 || !strings.HasPrefix(got.Out, "Registration token 9f86d081 was not stored: no instance at demo-host.com needs it.\n  cad/1  registered") {
		t.Errorf("got %+v", got)
	}
}

func TestRegisterKeepsAReplacedFile(t *testing.T) {
	file := secretFile(t)
	daemon := &fakeDaemon{registered: registered(liveInstance("cad/1")), onRequest: func() {
		if err := os.WriteFile(file, []byte("another-token"), 0o600); err != nil {
			t.Error(err)
		}
	}}
	got := cliRun{daemon: daemon}.run(t, "register", "--file", file, "--erase")
	if got.Code != 1 || !strings.Contains(got.Err, "changed or replaced") {
		t.Errorf("got %+v, want code 1", got)
	}
	if content, err := os.ReadFile(file); err != nil || string(content) != "another-token" {
		t.Errorf("got %q, %v", content, err)
	}
}

func TestRegisterReportsEachInstance(t *testing.T) {
	unredeemed := func(kind fault.Kind) status.Instance {
		return status.Instance{
			Name: "cad/2", State: string(token.Unredeemed),
			LastFault: &status.Fault{Code: string(kind), Detail: "the service's words"},
		}
	}
	state := func(s token.State) status.Instance { return status.Instance{Name: "cad/2", State: string(s)} }
	tests := []struct {
		name     string
		instance status.Instance
		out      string
		failed   fault.Kind // "" is success
	}{
		{"live", liveInstance("cad/2"), "registered, token valid for 12 min", ""},
		{"on demand", state(token.Unredeemed), "not redeemed yet", ""},
		{"expired before", state(token.Expired), "registered before, but its token cannot be refreshed now", ""},
		{"revoked", state(token.Revoked), "revoked by the service, not redeemed again", ""},
		{"offline", unredeemed(fault.Unavailable), "not redeemed yet: unavailable; the agent retries", fault.Unavailable},
		{"exhausted", unredeemed(fault.RegistrationExhausted), "not redeemed: registration exhausted", fault.RegistrationExhausted},
		{"too late", unredeemed(fault.RegistrationExpired), "not redeemed: registration expired", fault.RegistrationExpired},
		{"uncertain", state(token.Uncertain), "uncertain: a count may have been used", fault.RedemptionUncertain},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			daemon := &fakeDaemon{registered: registered(liveInstance("cad/1"), tt.instance)}
			got := cliRun{daemon: daemon, stdin: sound}.run(t, "register", "--stdin")
			code, said := 0, ""
			if tt.failed != "" {
				code, said = 1, "regent: cad/2: "+string(tt.failed)+": "
			}
			if got.Code != code || !strings.Contains(got.Out, "  cad/2  "+tt.out) || !strings.HasPrefix(got.Err, said) {
				t.Errorf("got %+v, want code %d, %q and %q", got, code, tt.out, said)
			}
			for _, long := range []string{"the service's words", fault.RedemptionUncertain.Advice()} {
				if n := strings.Count(got.Out+got.Err, long); n > 1 {
					t.Errorf("%q is said %d times", long, n)
				}
			}
		})
	}
}

func TestRegisterNamesAllThatShareAReason(t *testing.T) {
	failing := func(name, detail string) status.Instance {
		return status.Instance{
			Name: name, State: string(token.Unredeemed),
			LastFault: &status.Fault{Code: string(fault.Unavailable), Detail: detail},
		}
	}
	daemon := &fakeDaemon{registered: registered(failing("cad/1", "no route"), failing("cad/2", "no route"), failing("sim/1", "no name"))}
	got := cliRun{daemon: daemon, stdin: sound}.run(t, "register", "--stdin")
	want := "regent: cad/1, cad/2: unavailable: no route\nregent: sim/1: unavailable: no name\n"
	if got.Code != 1 || got.Err != want {
		t.Errorf("got %+v, want code 1 and %q", got, want)
	}
}

// Without waiting, a fault in the answer is that of an earlier registration
// token, and no news of this one.
func TestRegisterWithoutWaitingReportsNoOldFault(t *testing.T) {
	old := status.Instance{
		Name: "cad/1", State: string(token.Unredeemed),
		LastFault: &status.Fault{Code: string(fault.RegistrationExhausted), Detail: "none left"},
	}
	got := cliRun{daemon: &fakeDaemon{registered: registered(old)}, stdin: sound}.run(t, "register", "--stdin", "--wait", "0")
	if got.Code != 0 || got.Err != "" || strings.Contains(got.Out, "none left") {
		t.Errorf("got %+v, want success", got)
	}
}

func TestRegisterWithoutAnApplication(t *testing.T) {
	got := cliRun{daemon: &fakeDaemon{registered: registered()}, stdin: sound}.run(t, "register", "--stdin")
	if got.Code != 0 || !strings.Contains(got.Out, "No application uses it yet") {
		t.Errorf("got %+v", got)
	}
}

func TestInvokingUser(t *testing.T) {
	env := func(pairs map[string]string) func(string) string {
		return func(name string) string { return pairs[name] }
	}
	tests := []struct {
		name string
		euid int
		env  map[string]string
		want []int
	}{
		{"root", 0, nil, nil},
		{"sudo", 0, map[string]string{"SUDO_UID": "1000"}, []int{1000}},
		{"pkexec", 0, map[string]string{"PKEXEC_UID": "1001"}, []int{1001}},
		{"root by sudo", 0, map[string]string{"SUDO_UID": "0"}, nil},
		{"nonsense", 0, map[string]string{"SUDO_UID": "alice"}, nil},
		{"a user who pretends", 1000, map[string]string{"SUDO_UID": "1001"}, nil},
		{"Windows", -1, map[string]string{"SUDO_UID": "1001"}, nil},
	}
	for _, tt := range tests {
		got := runtimeEnv{euid: tt.euid, getenv: env(tt.env)}.invokingUser()
		if diff := cmp.Diff(got, tt.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", tt.name, diff)
		}
	}
}

// A token that may not be whole is kept beside until the service has accepted it,
// and the same command again deletes it then.
func TestRegisterKeepsAnUnprovenFile(t *testing.T) {
	file := secretFile(t)
	const odd = "half-a-token"
	if err := os.WriteFile(file, []byte(odd), 0o600); err != nil {
		t.Fatal(err)
	}
	reply := registered(liveInstance("cad/1"))
	reply.Fingerprint = token.Fingerprint(token.NewSecret(odd))
	daemon := &fakeDaemon{registered: reply}
	got := cliRun{daemon: daemon}.run(t, "register", "--file", file, "--erase")
	if got.Code != 0 || !strings.Contains(got.Out, "Moved "+file+" to "+file+".unproven") || !strings.Contains(got.Err, "does not decode to user:password") {
		t.Errorf("got %+v", got)
	}
	if kept, err := os.ReadFile(file + ".unproven"); err != nil || string(kept) != odd {
		t.Errorf("kept: got %q, %v", kept, err)
	}
	asked := len(daemon.requests)
	got = cliRun{daemon: daemon}.run(t, "register", "--file", file, "--erase", "--wait", "0s")
	if got.Code != 0 || !strings.Contains(got.Out, file+".unproven stays") {
		t.Errorf("not taken yet: got %+v", got)
	}
	daemon.ledger.Entries = []api.LedgerEntry{{Kind: "intent", ID: "a", Registration: reply.Fingerprint}, {Kind: "confirmed", ID: "a"}}
	got = cliRun{daemon: daemon}.run(t, "register", "--file", file, "--erase", "--wait", "0s")
	if got.Code != 0 || got.Out != "Deleted "+file+".unproven.\n" {
		t.Errorf("taken: got %+v", got)
	}
	if len(daemon.requests) != asked {
		t.Errorf("it was given again: %v", daemon.requests[asked:])
	}
	if _, err := os.Stat(file + ".unproven"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after it was taken: %v", err)
	}
}

// A file that is taken while the command waits for nothing else goes at once.
func TestRegisterErasesAProvenFile(t *testing.T) {
	file := secretFile(t)
	const odd = "odd-but-good"
	if err := os.WriteFile(file, []byte(odd), 0o600); err != nil {
		t.Fatal(err)
	}
	reply := registered(liveInstance("cad/1"))
	reply.Fingerprint = token.Fingerprint(token.NewSecret(odd))
	daemon := &fakeDaemon{registered: reply, ledger: api.Ledger{Entries: []api.LedgerEntry{{Kind: "intent", ID: "a", Registration: reply.Fingerprint}, {Kind: "confirmed", ID: "a"}}}}
	got := cliRun{daemon: daemon}.run(t, "register", "--file", file, "--erase")
	if got.Code != 0 || !strings.Contains(got.Out, "Deleted "+file+".\n") {
		t.Errorf("got %+v", got)
	}
}
