package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"regent/agent/tms"
	"regent/agent/tms/emulator"
	"regent/agent/token"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"tmsctl": main}) }

// TestScripts runs the stories in each dialect of the service: the real program
// against an emulator of its own for each, over TLS. $WORK/ca.pem, $WORK/password
// and $WORK/client-secret are there; $TMSCTL_TENANT is set.
func TestScripts(t *testing.T) {
	t.Parallel() // with the fleet
	eachDialect(t, runScripts)
}

// eachDialect runs a test against the service in each of its dialects. On Windows it
// is one: a process takes long to start under Wine, and reads the same there.
func eachDialect(t *testing.T, test func(*testing.T, emulator.Dialect)) {
	for i, d := range emulator.Dialects() {
		if i > 0 && runtime.GOOS == "windows" {
			return
		}
		t.Run(string(d), func(t *testing.T) { test(t, d) })
	}
}

func runScripts(t *testing.T, d emulator.Dialect) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: func(env *testscript.Env) error { return startService(env, d) },
		// [family] and [first] hold in the dialect of that name.
		Condition: func(name string) (bool, error) {
			if !slices.Contains(emulator.Dialects(), emulator.Dialect(name)) {
				return false, fmt.Errorf("no condition: %s", name)
			}
			return name == string(d), nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"issue":  issue,
			"redeem": redeem,
			"fail":   fail,
			"mode":   mode,

			"fail-nth":  failNth,
			"meanwhile": meanwhile,
			"takes":     takes,
			"becomes":   becomes,
			"id":        id,
			"rename":    rename,
			"pipe":      pipe,

			"secretless":  secretless,
			"behaves":     behaves,
			"left":        left,
			"fingerprint": hasFingerprint,
		},
	})
}

type serviceKey struct{}

// service is the emulator of one story.
type service struct {
	*emulator.Emulator
	url string
	ca  []byte
	*changeHook
}

// changeHook stands before the service, and does something once, at a change that
// its administrator makes and whose body the service reads.
type changeHook struct {
	next *emulator.Emulator

	mu    sync.Mutex
	takes string // the form of bodies that the service takes; "" for any
	left  int    // changes until it comes; 0 is never
	then  func(http.ResponseWriter, *http.Request)
}

func (i *changeHook) at(call int, then func(http.ResponseWriter, *http.Request)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.left, i.then = call, then
}

func (i *changeHook) handle(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	now := false
	change := r.Method != http.MethodGet && strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ")
	if change && i.left > 0 && reads(i.next.Knobs(), formOf(r)) {
		i.left--
		now = i.left == 0
	}
	takes := i.takes
	i.mu.Unlock()
	if change && takes != "" && takes != formOf(r) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"code":"1012","message":"Malformed request body"}`)
		return
	}
	if now {
		i.then(w, r)
		return
	}
	i.next.ServeHTTP(w, r)
}

// reads reports whether the service reads a body of this form.
func reads(k emulator.Knobs, form string) bool {
	return form == "" || k.RequestBody == emulator.BodyEither || form == ownForm(k.Dialect)
}

// ownForm is the form of bodies in a dialect.
func ownForm(d emulator.Dialect) string {
	if d == emulator.Family {
		return tms.Wrapped
	}
	return tms.Bare
}

// formOf is the form of a request's body, which can be read again.
func formOf(r *http.Request) string {
	b, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(b))
	switch {
	case len(b) == 0:
		return ""
	case bytes.Contains(b, []byte(`{"registrationToken":{`)):
		return tms.Wrapped
	}
	return tms.Bare
}

func startService(env *testscript.Env, d emulator.Dialect) error {
	e, err := emulator.New(emulator.Options{Knobs: emulator.Knobs{Dialect: d, RequestBody: emulator.BodyStrict}})
	if err != nil {
		return err
	}
	i := &changeHook{next: e}
	s := httptest.NewUnstartedServer(http.HandlerFunc(i.handle))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	env.Defer(s.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	env.Values[serviceKey{}] = service{e, s.URL, ca, i}
	env.Setenv("TMSCTL_TENANT", s.URL)
	env.Setenv("TMSCTL_PROFILES", env.WorkDir+"/profiles.yaml")
	cred := e.Credentials()
	for name, content := range map[string]string{
		"ca.pem": string(ca), "password": cred.Password + "\n", "client-secret": cred.ClientSecret,
	} {
		if err := os.WriteFile(env.WorkDir+"/"+name, []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// hasFingerprint FILE TEXT: a text has the fingerprint of the registration token in
// a file, as the devices show it, and not the token.
func hasFingerprint(ts *testscript.TestScript, neg bool, args []string) {
	secret, err := token.ParseRegistration([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	text := ts.ReadFile(args[1])
	if has := strings.Contains(text, token.Fingerprint(secret)); has == neg {
		ts.Fatalf("has the fingerprint: %v\n%s", has, text)
	}
	if strings.Contains(text, secret.Reveal()) {
		ts.Fatalf("it has the token")
	}
}

// issue NAME COUNT AGO: a registration token that was made so many days ago.
func issue(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(serviceKey{}).(service)
	days := number(ts, args[2])
	then := s.Knobs()
	then.ClockOffset = -time.Duration(days) * 24 * time.Hour
	ts.Check(s.SetKnobs(then))
	registration, err := s.IssueRegistrationToken(args[0], number(ts, args[1]))
	ts.Check(err)
	then.ClockOffset = 0
	ts.Check(s.SetKnobs(then))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(registration), 0o600))
}

// redeem FILE HOST: a device redeems the registration token in the file.
func redeem(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(serviceKey{}).(service)
	c, err := tms.New(tms.Options{Tenant: s.url, ExtraCA: s.ca, Proxy: "none", Now: time.Now})
	ts.Check(err)
	defer c.Close()
	registration := token.NewSecret(ts.ReadFile(args[0]))
	_, err = c.Redeem(context.Background(), registration, tms.Request{
		Identifier: "regent-" + args[1], FQDN: args[1], UserName: "regent", MAC: "02:00:5e:10:00:01", RefID1: "cad/1", RefID2: "here",
		Form: ownForm(s.Knobs().Dialect),
	})
	if (err != nil) != neg {
		ts.Fatalf("redeem %s: %v", args[0], err)
	}
}

// fail CLASS STATUS: the next request of this class fails; status 0 drops it
// after it was done.
func fail(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(serviceKey{}).(service)
	status := number(ts, args[1])
	ts.Check(s.AddFault(emulator.Fault{Class: emulator.Class(args[0]), Count: 1, Status: status, AfterCommit: status == 0}))
}

// mode FILE PERM: the file has this mode.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
	}
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

// fail-nth N [STATUS]: the N-th change from now on is done, and its answer lost, or it
// is refused with this status.
func failNth(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(serviceKey{}).(service)
	s.at(number(ts, args[0]), func(w http.ResponseWriter, r *http.Request) {
		if len(args) > 1 {
			http.Error(w, `{"message":"not now"}`, number(ts, args[1]))
			return
		}
		s.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	})
}

// meanwhile ID COUNT: between the next look at a registration token and the change
// of it, another administrator sets its count.
func meanwhile(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(serviceKey{}).(service)
	s.at(1, func(w http.ResponseWriter, r *http.Request) {
		other := httptest.NewRequest(http.MethodPatch, r.URL.Path, strings.NewReader(s.counted(args[1])))
		other.Header.Set("Authorization", r.Header.Get("Authorization"))
		other.Header.Set("Content-Type", "application/json")
		s.ServeHTTP(httptest.NewRecorder(), other)
		s.ServeHTTP(w, r)
	})
}

// counted is the body that sets a count.
func (s service) counted(count string) string {
	if s.Knobs().Dialect == emulator.Family {
		return `{"registrationToken":{"count":` + count + `}}`
	}
	return `{"count":` + count + `}`
}

// takes FORM: the service takes bodies in this form only.
func takes(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(serviceKey{}).(service)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes = args[0]
	k := s.Knobs()
	k.RequestBody = emulator.BodyEither // what it takes is decided before it
	ts.Check(s.SetKnobs(k))
}

// becomes COUNT: the service makes another count of the next change.
func becomes(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(serviceKey{}).(service)
	s.at(1, func(w http.ResponseWriter, r *http.Request) {
		body := s.counted(args[0])
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		s.ServeHTTP(w, r)
	})
}

// id NAME: $ID is the id of the registration token with this identifier.
func id(ts *testscript.TestScript, _ bool, args []string) {
	for _, r := range ts.Value(serviceKey{}).(service).State().RegistrationTokens {
		if r.Identifier == args[0] {
			ts.Setenv("ID", r.ID)
			return
		}
	}
	ts.Fatalf("no registration token is called %s", args[0])
}

// rename FILE OLD NEW: a text of a file becomes another.
func rename(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.ReplaceAll(ts.ReadFile(args[0]), args[1], args[2])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// secretless FILE TEXT: nothing of the registration token in FILE stands in TEXT, and
// no line of TEXT is wider than 79 columns.
func secretless(ts *testscript.TestScript, _ bool, args []string) {
	registration := ts.ReadFile(args[0])
	plain, err := base64.StdEncoding.DecodeString(registration)
	ts.Check(err)
	text := ts.ReadFile(args[1])
	for _, part := range append(strings.Split(string(plain), ":"), registration, string(plain)) {
		if strings.Contains(text, part) {
			ts.Fatalf("%s holds a part of the registration token in %s", args[1], args[0])
		}
	}
	for line := range strings.Lines(text) {
		if len(strings.TrimSuffix(line, "\n")) > 79 {
			ts.Fatalf("%s: too wide: %s", args[1], line)
		}
	}
}

// behaves HOW...: how the service behaves from now on.
func behaves(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(serviceKey{}).(service)
	k := s.Knobs()
	for _, how := range args {
		switch how {
		case "one-user":
			k.OneUser = true
		case "strict", "lenient", "either":
			k.RequestBody = emulator.RequestBody(how)
		case "family", "first":
			k.Dialect = emulator.Dialect(how)
		case "tms":
			k.Forms.Refresh = how
		default:
			ts.Fatalf("behaves %s: unknown", how)
		}
	}
	ts.Check(s.SetKnobs(k))
}

// left REGISTRATION-TOKENS AUTH-TOKENS REDEEMED: so many are there, and so many
// redemptions were done in all.
func left(ts *testscript.TestScript, _ bool, args []string) {
	is := ts.Value(serviceKey{}).(service).State()
	got := fmt.Sprintf("%d %d %d", len(is.RegistrationTokens), len(is.AuthTokens), is.Redeemed)
	if want := strings.Join(args, " "); got != want {
		ts.Fatalf("registration tokens, auth tokens, redemptions: %s, want %s", got, want)
	}
}
