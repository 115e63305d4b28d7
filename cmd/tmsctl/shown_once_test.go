package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"

	"regent/agent/tms/emulator"
	"regent/agent/token"
)

// once is a service that shows a registration token in the reply to its creation, and
// never again.
type once struct {
	*emulator.Emulator
	url string

	mu    sync.Mutex
	shown map[string]string // by identifier
	at    int               // creations until then is called; 0 is never
	then  func(created bool)
}

func newOnce(t *testing.T) *once {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := &once{Emulator: e, shown: map[string]string{}}
	s := httptest.NewServer(http.HandlerFunc(o.handle))
	t.Cleanup(s.Close)
	o.url = s.URL
	return o
}

func (o *once) handle(w http.ResponseWriter, r *http.Request) {
	creation := r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/registrationTokens")
	then := o.hook(creation)
	then(false)
	answer := httptest.NewRecorder()
	o.ServeHTTP(answer, r)
	body := answer.Body.Bytes()
	if creation {
		o.note(body)
	} else {
		body = withoutMembers(body, "token")
	}
	then(true)
	answer.Header().Del("Content-Length")
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body) // the client says so if it comes short
}

// before sets what is to be done at a creation, the at-th from now.
func (o *once) before(at int, then func(created bool)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.at, o.then = at, then
}

// tokens returns the tokens that were shown, by identifier.
func (o *once) tokens() map[string]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.shown)
}

// hook returns what is to be done at a request.
func (o *once) hook(creation bool) func(created bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if creation && o.at > 0 {
		if o.at--; o.at == 0 {
			return o.then
		}
	}
	return func(bool) {}
}

func (o *once) note(body []byte) {
	var made struct {
		RegistrationToken struct{ Identifier, Token string }
	}
	if json.Unmarshal(body, &made) == nil && made.RegistrationToken.Token != "" {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.shown[made.RegistrationToken.Identifier] = made.RegistrationToken.Token
	}
}

// all reports whether the files have the tokens that were shown, by recipient.
func (o *once) all(t *testing.T, files map[string]string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(files) != len(o.shown) {
		t.Errorf("%d tokens are kept of %d that were shown", len(files), len(o.shown))
	}
	for identifier, secret := range o.shown {
		if got := files[strings.TrimPrefix(identifier, "q4-")]; got != secret {
			t.Errorf("%s: a token is lost", identifier)
		}
	}
}

// unpacked are the tokens of a bundle by recipient. A part is decrypted once more.
func unpacked(t *testing.T, files map[string]string, who age.Identity) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, content := range files {
		recipient, part := strings.CutSuffix(name, partSuffix)
		if part {
			content = decrypted(t, content, who)
		}
		all[strings.TrimSuffix(recipient, tokenSuffix)] = content
	}
	return all
}

func decrypted(t *testing.T, text string, who age.Identity) string {
	t.Helper()
	plain, err := age.Decrypt(strings.NewReader(text), who)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(plain); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestBundleOfTokensShownOnce: whatever stops a bundle, no token that was shown is lost.
// The repeated command makes a bundle of all.
func TestBundleOfTokensShownOnce(t *testing.T) {
	const n = 3
	for _, tt := range []struct {
		name  string
		stops func(t *testing.T, o *adminDesk, stop context.CancelFunc, created bool) // at the second creation
		made  int
		said  string
	}{
		{"interrupted before the reply", func(_ *testing.T, _ *adminDesk, stop context.CancelFunc, created bool) {
			if !created {
				stop()
			}
		}, 2, "2 of 3 are done; no bundle was written. The created tokens are encrypted in "}, // TestSignals waits for the message
		{"interrupted after it", func(_ *testing.T, _ *adminDesk, stop context.CancelFunc, created bool) {
			if created {
				stop()
			}
		}, 2, "2 of 3 are done; no bundle was written. The created tokens are encrypted in "},
		{"the bundle's name is taken", func(_ *testing.T, o *adminDesk, _ context.CancelFunc, created bool) {
			if created {
				o.write("q4.age", "mine")
			}
		}, n, "3 of 3 are done; no bundle was written. The created tokens are encrypted in "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			service, who := newOnce(t), identity(t)
			o := &adminDesk{T: t, service: service.Emulator, url: service.url, dir: t.TempDir()}
			o.write("people.csv", "recipient,count\nalice,2\nbob,7\ncarol,1\n")
			o.write("password", service.Credentials().Password)
			o.write("keys", who.Recipient().String()+"\n")
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			service.before(2, func(created bool) { tt.stops(t, o, stop, created) })
			var out, stderr bytes.Buffer
			flags := []string{"--bundle", o.path("q4.age"), "--recipients-file", o.path("keys")}
			w := typed(&out, &stderr, "", token.Secret{})
			if code := o.createIn(ctx, w, flags...); code != 1 || !strings.Contains(stderr.String(), tt.said) || len(service.tokens()) != tt.made {
				t.Fatalf("exit %d, %d made, said %s", code, len(service.tokens()), &stderr)
			}
			for _, secret := range service.tokens() {
				holds(t, o.dir, secret)
			}
			_ = os.Remove(o.path("q4.age")) // the one that was in the way
			stderr.Reset()
			if code := o.createIn(t.Context(), w, flags...); code != 0 {
				t.Fatalf("again: exit %d, said %s", code, &stderr)
			}
			if !strings.Contains(out.String(), "once more") {
				t.Errorf("again: printed %s", &out)
			}
			service.all(t, unpacked(t, o.open("q4.age", who), who))
			if _, err := os.Lstat(o.path("q4.age.parts")); !os.IsNotExist(err) {
				t.Errorf("the parts are left: %v", err)
			}
			if got := len(service.State().RegistrationTokens); got != n {
				t.Errorf("%d registration tokens were made, want %d", got, n)
			}
		})
	}
}

// holds fails if a file below dir has a secret in clear.
func holds(t *testing.T, dir, secret string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		if bytes.Contains(content, []byte(secret)) {
			t.Errorf("%s has a token in clear", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDirectoryOfTokensShownOnce: a file that is in the way is found before the token is
// made, and an interruption waits for the reply.
func TestDirectoryOfTokensShownOnce(t *testing.T) {
	service := newOnce(t)
	o := &adminDesk{T: t, service: service.Emulator, url: service.url, dir: t.TempDir()}
	o.write("people.csv", "recipient,count\nalice,2\nbob,7\n")
	o.write("password", service.Credentials().Password)
	o.write("alice.token", "mine")
	var out, stderr bytes.Buffer
	w := typed(&out, &stderr, "", token.Secret{})
	w.configDir = func() (string, error) { return o.dir, nil }
	if code := o.create(w, "--out-dir", o.dir); code != 1 || len(service.tokens()) != 0 || !strings.Contains(stderr.String(), "alice.token has other content; move it away; q4-alice was not created") {
		t.Errorf("exit %d, %d made, said %s", code, len(service.tokens()), &stderr)
	}
	if err := os.Remove(o.path("alice.token")); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	service.before(1, func(bool) { stop() })
	if code := o.createIn(ctx, w, "--out-dir", o.dir); code != 1 || len(service.tokens()) != 1 {
		t.Errorf("exit %d, %d made, said %s", code, len(service.tokens()), &stderr)
	}
	if code := o.create(w, "--out-dir", o.dir); code != 0 {
		t.Errorf("exit %d, said %s", code, &stderr)
	}
	files := map[string]string{}
	for _, who := range []string{"alice", "bob"} {
		content, err := os.ReadFile(o.path(who + tokenSuffix))
		if err != nil {
			t.Fatal(err)
		}
		files[who] = string(content)
	}
	service.all(t, files)
	if left, err := filepath.Glob(o.path(".tmsctl-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
