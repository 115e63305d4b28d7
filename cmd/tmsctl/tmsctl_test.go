package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/agent/tms"
	"regent/agent/tms/emulator"
	"regent/agent/token"
	"regent/platform/keyring"
)

var now = time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)

// typed is a terminal at which somebody types.
func typed(out, err *bytes.Buffer, in string, password token.Secret) runtimeEnv {
	return runtimeEnv{
		in: strings.NewReader(in), out: out, err: err, terminal: true,
		password: func(_ context.Context, question string) (token.Secret, error) {
			err.WriteString(question)
			return password, nil
		},
		getenv: func(string) string { return "" },
		clock:  time.Now,

		openBrowser: func(string) error { return errors.New("this is a test") },
		work:        10, // a test has nobody to keep out
		configDir:   func() (string, error) { return "", errors.New("none") },
		keyring:     func() (loginStore, error) { return nil, keyring.ErrNoKeyring },
	}
}

// newService starts an emulator, behind front if that is not nil.
func newService(t *testing.T, k emulator.Knobs, front func(*emulator.Emulator) http.Handler) (e *emulator.Emulator, url string) {
	t.Helper()
	e, err := emulator.New(emulator.Options{Knobs: k})
	if err != nil {
		t.Fatal(err)
	}
	var h http.Handler = e
	if front != nil {
		h = front(e)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return e, s.URL
}

// runTyped runs tmsctl for an administrator who types in, and the password where that is
// asked for.
func runTyped(t *testing.T, e *emulator.Emulator, url, in string, args ...string) (code int, out, said string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	args = append([]string{"--tenant", url, "--user", "admin"}, args...)
	code = run(t.Context(), typed(&stdout, &stderr, in, token.NewSecret(e.Credentials().Password)), args)
	return code, stdout.String(), stderr.String()
}

// TestPrompts: the password is asked for, and so is each deletion.
func TestPrompts(t *testing.T) { eachDialect(t, testPrompts) }

func testPrompts(t *testing.T, d emulator.Dialect) {
	e, url := newService(t, emulator.Knobs{Dialect: d, RequestBody: emulator.BodyStrict}, nil)
	password := token.NewSecret(e.Credentials().Password)
	if _, err := e.IssueRegistrationToken("fleet", 1); err != nil {
		t.Fatal(err)
	}
	id := e.State().RegistrationTokens[0].ID
	tests := []struct {
		name, in   string
		password   token.Secret
		args       []string
		code, left int
		wantErr    string
	}{
		{"no", "\n", password, []string{"delete", "fleet"}, 1, 1, "registration token " + id + " (fleet)\nDelete 1 registration token on "},
		{"n", "n\n", password, []string{"delete", id}, 1, 1, "Delete 1 registration token on " + strings.TrimPrefix(url, "http://")},
		{"nobody", "", password, []string{"delete", id}, 1, 1, "nothing was deleted"},
		{"no password", "y\n", token.Secret{}, []string{"delete", id}, 2, 1, "no password given"},
		{"wrong password", "y\n", token.NewSecret("no"), []string{"delete", id}, 1, 1, "check the user and the password"},
		{"list", "", password, []string{"list"}, 0, 1, "Password of admin on "},
		{"one is unknown", "y\n", password, []string{"delete", id, "other"}, 1, 1, `no registration token has the identifier or ID "other"`},
		{"yes", "y\n", password, []string{"delete", id, "fleet"}, 0, 0, "Delete 1 registration token on "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out, stderr bytes.Buffer
			args := append([]string{"--tenant", url, "--user", "admin", "registration-token"}, tt.args...)
			code := run(t.Context(), typed(&out, &stderr, tt.in, tt.password), args)
			if code != tt.code || !strings.Contains(stderr.String(), tt.wantErr) {
				t.Errorf("exit %d, said %q; want %d and %q", code, &stderr, tt.code, tt.wantErr)
			}
			if got := len(e.State().RegistrationTokens); got != tt.left {
				t.Errorf("%d registration tokens left, want %d", got, tt.left)
			}
		})
	}
}

// TestScriptedDeletion: --yes asks nobody, and JSON says what was deleted. If one name is
// unknown, nothing is deleted.
func TestScriptedDeletion(t *testing.T) { eachDialect(t, testScriptedDeletion) }

func testScriptedDeletion(t *testing.T, d emulator.Dialect) {
	e, url := newService(t, emulator.Knobs{Dialect: d, RequestBody: emulator.BodyStrict}, nil)
	registration, err := e.IssueRegistrationToken("fleet", 1)
	if err != nil {
		t.Fatal(err)
	}
	device, err := tms.New(tms.Options{Tenant: url, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	got, err := device.Redeem(t.Context(), token.NewSecret(registration), tms.Request{Identifier: "regent-1", Form: ownForm(d)})
	if err != nil {
		t.Fatal(err)
	}
	code, out, stderr := runTyped(t, e, url, "", "--json", "auth-token", "delete", "--yes", got.ID, "other")
	if code != 1 || out != "" || len(e.State().AuthTokens) != 1 || !strings.Contains(stderr, `no auth token has the identifier or ID "other"`) {
		t.Errorf("one is unknown: exit %d, printed %q, said %q", code, out, stderr)
	}
	code, out, stderr = runTyped(t, e, url, "", "--json", "auth-token", "delete", "--yes", got.ID)
	if code != 0 {
		t.Errorf("exit %d, said %q", code, stderr)
	}
	var printed struct{ Deleted []string }
	if err := json.Unmarshal([]byte(out), &printed); err != nil || !slices.Equal(printed.Deleted, []string{got.ID}) {
		t.Errorf("printed %q, want that %s was deleted", out, got.ID)
	}
	if left := len(e.State().AuthTokens); left != 0 {
		t.Errorf("%d auth tokens left, want none", left)
	}
}

// TestDependentsWarning: before somebody is asked, it is said that auth tokens may end with a
// registration token, and how many.
func TestDependentsWarning(t *testing.T) {
	e, url := newService(t, emulator.Knobs{}, nil)
	device, err := tms.New(tms.Options{Tenant: url, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	used, err := e.IssueRegistrationToken("used", 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"regent-1", "regent-2"} {
		if _, err := device.Redeem(t.Context(), token.NewSecret(used), tms.Request{Identifier: name}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.IssueRegistrationToken("fresh", 3); err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for _, r := range e.State().RegistrationTokens {
		ids[r.Identifier] = r.ID
	}
	const two = "the 2 auth tokens that were made from it may end with it"
	tests := []struct {
		name, in string
		args     []string
		code     int
		want     []string
		not      string
	}{
		{"disable, no", "n\n", []string{"disable", ids["used"]}, 1, []string{two, "Disable used on ", "nothing was changed"}, ""},
		{"disable, not asked", "", []string{"disable", "--yes", ids["used"]}, 0, []string{two}, "Disable used"},
		{"disable what nobody used", "y\n", []string{"disable", ids["fresh"]}, 0, []string{"Disable fresh"}, "may end"},
		{"delete, no", "n\n", []string{"delete", ids["used"], ids["fresh"]}, 1, []string{two, "Delete 2 registration tokens", "nothing was deleted"}, ""},
		{"delete what is not there", "n\n", []string{"delete", "other"}, 1, []string{`no registration token has the identifier or ID "other"`}, "may end"},
		{"enable", "", []string{"enable", ids["used"]}, 0, nil, "may end"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, _, said := runTyped(t, e, url, tt.in, append([]string{"registration-token"}, tt.args...)...)
			if code != tt.code || tt.not != "" && strings.Contains(said, tt.not) {
				t.Errorf("exit %d, said %q; want %d and no %q", code, said, tt.code, tt.not)
			}
			for _, want := range tt.want {
				if !strings.Contains(said, want) {
					t.Errorf("said %q, want %q", said, want)
				}
			}
		})
	}
}

// TestClients: clients are listed in each form of a list, and no secret is printed.
func TestClients(t *testing.T) {
	const row = `{"id":7,"clientId":"robot","name":"CI","state":"ENABLE","clientSecret":"s3cret","secret":"s3cret","creationDate":"2026-11-23 08:00"}`
	answer := ""
	mux := http.NewServeMux()
	mux.HandleFunc("GET /token/api/v5/clients", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("pageStartIndex") == "0" {
			_, _ = io.WriteString(w, answer)
			return
		}
		_, _ = io.WriteString(w, `[]`)
	})
	mux.HandleFunc("GET /token/api/v5/clients/7", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
	e, url := newService(t, emulator.Knobs{}, func(e *emulator.Emulator) http.Handler { mux.Handle("/", e); return mux })
	for _, tt := range []struct {
		answer, want string
		args         []string
	}{
		{`{"clients":{"count":1,"client":[` + row + `]}}`, "robot", nil},
		{`{"clients":[` + row + `],"totalCount":1}`, "robot", []string{"--json"}},
		{`[` + row + `]`, "enabled", nil},
		{`[{"clientId":"robot","enabled":false}]`, "disabled", nil},
		{`{"clients":{"count":0}}`, "no clients", nil},
		{`{"client":` + row + `}`, "2026-11-23 08:00", []string{"7"}},
		{row, "robot", []string{"7", "--json"}},
	} {
		answer = tt.answer
		code, out, said := runTyped(t, e, url, "", append([]string{"clients"}, tt.args...)...)
		if code != 0 || !strings.Contains(out, tt.want) || strings.Contains(out+said, "s3cret") {
			t.Errorf("%s: exit %d, printed %q, said %q; want %q", tt.answer, code, out, said, tt.want)
		}
	}
}

// TestExitNotAsAsked: scripts can see that the service did something else.
func TestExitNotAsAsked(t *testing.T) { eachDialect(t, testExitNotAsAsked) }

func testExitNotAsAsked(t *testing.T, d emulator.Dialect) {
	e, url := newService(t, emulator.Knobs{Dialect: d, RequestBody: emulator.BodyStrict, CountDelta: true}, nil)
	if _, err := e.IssueRegistrationToken("fleet", 5); err != nil {
		t.Fatal(err)
	}
	code, _, said := runTyped(t, e, url, "", "registration-token", "raise-count", e.State().RegistrationTokens[0].ID, "--to", "8")
	if want := "count was 5, you asked for 8, the service says 13"; code != 3 || !strings.Contains(said, want) {
		t.Errorf("exit %d, said %q; want 3 and %q", code, said, want)
	}
}

func TestUsage(t *testing.T) {
	login := func(more ...string) []string {
		return append([]string{"--tenant", "https://tenant.invalid", "auth-token", "list"}, more...)
	}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"unknown command", []string{"frob"}, "tmsctl has no command \"frob\"\ntmsctl: the commands are: auth-token, "},
		{"no file for metrics", []string{"registration-token", "list", "--metrics-textfile", ""}, "--metrics-textfile is empty: give a value, or omit the flag\ntmsctl: for example: tmsctl registration-token list --metrics-textfile counts.prom"},
		{"metrics that collectors skip", []string{"registration-token", "list", "--metrics-textfile", "counts.txt"}, "--metrics-textfile counts.txt does not end in .prom, so collectors skip the file\ntmsctl: for example: "},
		{"metrics in a directory", []string{"registration-token", "list", "--metrics-textfile", "testdata"}, "--metrics-textfile testdata is a directory; name a file in it\ntmsctl: for example: "},
		{"no tenant", []string{"registration-token", "list"}, "no tenant given: add --tenant https://host, or set TMSCTL_TENANT\ntmsctl: to store it once: tmsctl profile add PROFILE --tenant https://host --user USER"},
		{"the example fits the flag", []string{"auth-token", "delete", "x", "--from", "f.csv"}, "for example: tmsctl auth-token delete --from "},
		{"the example fits the other flag", []string{"registration-token", "create", "--per-recipient", "f.csv"}, "for example: tmsctl registration-token create --per-recipient "},
		{"unknown command of a group", []string{"auth-token", "frob"}, `tmsctl auth-token has no command "frob"`},
		{"a command with a mistake", []string{"auth-token", "lsit"}, `no command "lsit"; did you mean list?`},
		{"a flag with a mistake", []string{"--tennant", "x"}, "unknown flag: --tennant; did you mean --tenant?"},
		{"group alone", []string{"auth-token"}, "tmsctl auth-token needs a command: delete, list\ntmsctl: for example: tmsctl auth-token list --since 7d"},
		{"a value with a mistake", []string{"registration-token", "list", "--status", "usabel"}, "did you mean usable?"},
		{"an example", []string{"registration-token", "raise-count"}, "for example: tmsctl registration-token raise-count berlin --to 200"},
		{"unknown flag", []string{"--password", "x"}, "unknown flag: --password"},
		{"no id", []string{"auth-token", "delete"}, "name the auth tokens to delete by their identifiers or IDs"},
		{"two ids", []string{"registration-token", "show", "a", "b"}, "name one registration token, not 2"},
		{"an argument too many", []string{"registration-token", "list", "s3cret"}, "takes no arguments"},
		{"count is no number", []string{"registration-token", "create", "--count", "many"}, `--count "many": write a whole number`},
		{"count is far too large", []string{"registration-token", "create", "--count", "99999999999999999999"}, "write a whole number"},
		{"value is missing", []string{"registration-token", "create", "--count"}, "--count needs a value"},
		{"count to raise to", []string{"registration-token", "raise-count", "x"}, "--to N is required"},
		{"count to raise to is too large", []string{"registration-token", "raise-count", "x", "--to", "99999999999999"}, "must be at most 10000000"},
		{"a session of no length", []string{"plan", "--devices", "1", "--session-max", "-1h"}, "must be 1 minute to 10 years"},
		{"a session for nobody", []string{"plan", "--session-max", "10h"}, "devices and instances must be at least 1"},
		{"unknown shell", []string{"completion", "nosuch"}, "name one shell: bash, zsh"},
		{"no shell", []string{"completion"}, "name one shell"},
		{"user and client", login("--client-credentials", "--user", "me"), "excludes --user"},
		{"half a client", login("--client-credentials", "--client-id", "c"), "needs --client-id and --client-secret-file"},
		{"client's flags alone", login("--client-id", "c"), "need --client-credentials"},
		{"proxy", login("--proxy", "http://proxy:x", "--user", "me"), "the proxy has a port that is not a number"},
		{"no CA file", login("--ca-file", "missing.pem", "--user", "me"), "--ca-file missing.pem: " + noFile()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out, stderr bytes.Buffer
			code := run(t.Context(), typed(&out, &stderr, "", token.NewSecret("pw")), tt.args)
			for _, bad := range []string{"strconv", "arg(s)", "s3cret"} {
				if strings.Contains(stderr.String(), bad) {
					t.Errorf("said %q, which has %q in it", &stderr, bad)
				}
			}
			if code != 2 || !strings.Contains(stderr.String(), tt.want) || strings.Count(stderr.String(), "\n") > 2 {
				t.Errorf("exit %d, said %q; want 2 and %q in a line or two", code, &stderr, tt.want)
			}
		})
	}
}

func TestVersionAndCompletion(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"--version"}, {"version", "--json"}, {"completion", "bash"}, {}} {
		var out, stderr bytes.Buffer
		if code := run(t.Context(), typed(&out, &stderr, "", token.Secret{}), args); code != 0 || out.Len() == 0 {
			t.Errorf("%v: exit %d, %d bytes, said %q", args, code, out.Len(), &stderr)
		}
	}
}

func TestExpiry(t *testing.T) {
	tests := []struct{ in, want string }{
		{"1d", "2026-11-24"},
		{"30d", "2026-12-23"},
		{"2026-12-01", "2026-12-01"},
		{"0d", ""},
		{"-1d", ""},
		{"d", ""},
		{"99999999999d", ""},
		{"1.5d", ""},
		{"30", ""},
		{"01.12.2026", ""},
		{"", ""},
	}
	for _, tt := range tests {
		got, err := expiry(tt.in, now.In(time.FixedZone("far east", 9*3600)))
		if (err == nil) != (tt.want != "") || err == nil && got.Format(time.DateOnly) != tt.want {
			t.Errorf("%q: got %v, %v, want %q", tt.in, got, err, tt.want)
		}
		if _, ok := errors.AsType[*usageError](err); err != nil && !ok {
			t.Errorf("%q: %v is no usage error", tt.in, err)
		}
	}
}

func TestExpiryText(t *testing.T) {
	tests := []struct{ day, want string }{
		{"2026-11-23", "2026-11-23 (today)"},
		{"2026-11-24", "2026-11-24 (tomorrow)"},
		{"2026-11-22", "2026-11-22 (yesterday)"},
		{"2026-12-23", "2026-12-23 (in 30 days)"},
		{"2026-11-13", "2026-11-13 (10 days ago)"},
		{"9999-12-31", "9999-12-31"},
		{"0001-12-31", "0001-12-31"},
	}
	for _, tt := range tests {
		day, err := time.Parse(time.DateOnly, tt.day)
		if err != nil {
			t.Fatal(err)
		}
		if got := expiryText(day, now); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
	if got, want := expiryText(time.Time{}, now), "unknown"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTableEscapesDeviceText(t *testing.T) {
	got := columns([][]string{{"A", "B"}, {"ws\x1b[2J\n\t\u202e", ""}, {"ä", "x"}})
	if want := "A         B\nws?[2J???  -\nä          x\n"; strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNextStep(t *testing.T) {
	answered := func(op string, status int, shape bool) tms.Failure {
		return tms.Failure{Op: op, Reach: tms.Answered, Status: status, ServiceShape: shape}
	}
	tests := []struct {
		name string
		f    tms.Failure
		want string
	}{
		{"certificate", tms.Failure{Err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}, "--ca-file"},
		{"no connection", tms.Failure{Err: errors.New("refused")}, "--proxy"},
		{"lost creation", tms.Failure{Op: "create registration token", Reach: tms.Lost}, "may have created it"},
		{"lost deletion", tms.Failure{Op: "delete auth token", Reach: tms.Lost}, "may have deleted it. Run tmsctl auth-token list"},
		{"lost list", tms.Failure{Op: "list auth tokens", Reach: tms.Lost}, "login page"},
		{"throttled", tms.Failure{Reach: tms.Answered, Status: 429, HasRetryAfter: true, RetryAfter: time.Minute}, "in 1 min"},
		{"redirected", answered("discover", 302, false), "login page"},
		{"a page of somebody else", answered("discover", 404, false), "login page"},
		{"login", answered("log in", 401, true), "password"},
		{"ended", answered("list auth tokens", 401, true), "retry"},
		{"forbidden", answered("list auth tokens", 403, true), "Contact Administrator"},
		{"missing", answered("show auth token", 404, true), "run tmsctl auth-token list to see the ids"},
		{"missing registration token", answered("delete registration token", 404, true), "run tmsctl registration-token list to see the ids"},
		{"missing client", answered("show client", 404, true), "run tmsctl clients to see the ids"},
		{"missing list", answered("list clients", 404, true), "has no such list"},
		{"trouble", answered("list auth tokens", 503, false), "try again later"},
		{"refused", tms.Failure{Op: "create registration token", Reach: tms.Answered, Status: 400, ServiceShape: true, Form: tms.Bare}, "sent bare; try --request wrapped\ntmsctl registration-token list shows whether it exists"},
		{"refused in both forms", answered("create registration token", 400, true), "tmsctl registration-token list shows whether it exists"},
		{"refused, and it may be made", answered("create registration token", 409, true), "tmsctl registration-token list shows whether it exists"},
		{"refused trial", tms.Failure{Op: "redeem", Reach: tms.Answered, Status: 400, ServiceShape: true, Form: tms.Wrapped}, "sent wrapped; try: tmsctl trial --request bare"},
		{"refused otherwise", answered("list auth tokens", 400, true), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := globalFlags{}.nextStep(&tt.f)
			if !strings.Contains(got, tt.want) || (tt.want == "") != (got == "") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if got := (globalFlags{}).explain(context.Canceled); len(got) != 1 || !strings.HasPrefix(got[0], "interrupted") {
		t.Errorf("got %q", got)
	}
}
