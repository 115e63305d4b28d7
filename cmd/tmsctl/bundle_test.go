package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"filippo.io/age"

	"regent/agent/tms/emulator"
	"regent/agent/token"
)

// adminDesk is an administrator's desk: a service, a directory, and a list of
// recipients.
type adminDesk struct {
	*testing.T
	service *emulator.Emulator
	*changeHook
	url string
	dir string
}

func newAdminDesk(t *testing.T) *adminDesk {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	i := &changeHook{next: e}
	s := httptest.NewServer(http.HandlerFunc(i.handle))
	t.Cleanup(s.Close)
	o := &adminDesk{t, e, i, s.URL, t.TempDir()}
	o.write("people.csv", "recipient,count\nalice,2\nbob,7\n")
	o.write("password", e.Credentials().Password)
	return o
}

func (o *adminDesk) path(name string) string { return filepath.Join(o.dir, name) }

func (o *adminDesk) write(name, text string) {
	o.Helper()
	if err := os.WriteFile(o.path(name), []byte(text), 0o600); err != nil {
		o.Fatal(err)
	}
}

// create runs registration-token create --per-recipient.
func (o *adminDesk) create(w runtimeEnv, more ...string) int {
	return o.createIn(o.Context(), w, more...)
}

func (o *adminDesk) createIn(ctx context.Context, w runtimeEnv, more ...string) int {
	args := []string{
		"--tenant", o.url, "--user", "admin", "--password-file", o.path("password"),
		"registration-token", "create", "--per-recipient", o.path("people.csv"), "--identifier", "q4",
	}
	return run(ctx, w, append(args, more...))
}

// open decrypts a bundle, and returns what is in it by name.
func (o *adminDesk) open(name string, who age.Identity) map[string]string {
	o.Helper()
	f, err := os.Open(o.path(name))
	if err != nil {
		o.Fatal(err)
	}
	defer f.Close()
	plain, err := age.Decrypt(f, who)
	if err != nil {
		o.Fatal(err)
	}
	found := map[string]string{}
	for archive := tar.NewReader(plain); ; {
		head, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			o.Fatal(err)
		}
		if head.Mode != 0o600 {
			o.Errorf("%s has mode %04o in the bundle, want 0600", head.Name, head.Mode)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			o.Fatal(err)
		}
		found[head.Name] = string(text)
	}
}

func identity(t *testing.T) *age.X25519Identity {
	t.Helper()
	who, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// TestBundle: one file for all, which the keys of the list open and nobody
// else; an interruption writes none, and the repeated command has them all.
func TestBundle(t *testing.T) {
	o := newAdminDesk(t)
	it, boss := identity(t), identity(t)
	o.write("keys", "# who may open it\n"+it.Recipient().String()+"\n"+boss.Recipient().String()+"\n")
	var out, stderr bytes.Buffer
	w := typed(&out, &stderr, "", token.Secret{})
	flags := []string{"--bundle", o.path("q4.age"), "--recipients-file", o.path("keys")}

	// The list is read and alice's is made; bob's is refused.
	o.at(2, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"message":"not now"}`, http.StatusForbidden)
	})
	if code := o.create(w, flags...); code != 1 || !strings.Contains(stderr.String(), "1 of 2 are done; no bundle was written. The created tokens are encrypted in "+o.path("q4.age.parts")+"; repeat the command") {
		t.Fatalf("interrupted: exit %d, said %q", code, &stderr)
	}
	if left, err := filepath.Glob(o.path("*.age")); err != nil || len(left) > 0 {
		t.Errorf("an interrupted command left %v", left)
	}
	if code := o.create(w, flags...); code != 0 || !strings.Contains(out.String(), "2 of 2; all in "+o.path("q4.age")) {
		t.Fatalf("exit %d, printed %q, said %q", code, &out, &stderr)
	}
	for _, who := range []age.Identity{it, boss} {
		got := o.open("q4.age", who)
		for _, file := range []string{"alice.token", "bob.token"} {
			if len(got[file]) < 20 || strings.Contains(out.String()+stderr.String(), got[file]) {
				t.Errorf("%s is %q, or was shown", file, got[file])
			}
		}
		if len(got) != 2 {
			t.Errorf("the bundle has %d files, want 2", len(got))
		}
	}
	if got := len(o.service.State().RegistrationTokens); got != 2 {
		t.Errorf("%d registration tokens were made, want 2", got)
	}
	content, err := os.ReadFile(o.path("q4.age"))
	if err != nil || !bytes.HasPrefix(content, []byte("age-encryption.org/v1\n")) {
		t.Errorf("the bundle begins with %.30q, %v", content, err)
	}
	if info, err := os.Stat(o.path("q4.age")); err != nil || info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		t.Errorf("the bundle can be read by others: %v, %v", info.Mode(), err)
	}
	if rest, _ := filepath.Glob(o.path("q4.age.parts")); len(rest) > 0 {
		t.Errorf("left behind: %v", rest)
	}
	if rest, _ := filepath.Glob(o.path(".*-*")); len(rest) > 0 {
		t.Errorf("left behind: %v", rest)
	}
}

// TestBundleByPassphrase: asked for twice, or from a file.
func TestBundleByPassphrase(t *testing.T) {
	const passphrase = "correct horse battery staple"
	o := newAdminDesk(t)
	o.write("passphrase", passphrase+"\n")
	who, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	var out, stderr bytes.Buffer
	if code := o.create(typed(&out, &stderr, "", token.NewSecret(passphrase)), "--bundle", o.path("asked.age")); code != 0 {
		t.Fatalf("asked: exit %d, said %q", code, &stderr)
	}
	if !strings.Contains(stderr.String(), "Passphrase of the bundle: Once more: ") {
		t.Errorf("asked %q, want twice", &stderr)
	}
	if code := o.create(typed(&out, &stderr, "", token.Secret{}), "--bundle", o.path("read.age"), "--passphrase-file", o.path("passphrase")); code != 0 {
		t.Fatalf("read: exit %d, said %q", code, &stderr)
	}
	for _, name := range []string{"asked.age", "read.age"} {
		if got := o.open(name, who); len(got) != 2 {
			t.Errorf("%s has %d files, want 2", name, len(got))
		}
	}
}

// TestBundleRefused: before anything is sent, and nothing secret is said.
func TestBundleRefused(t *testing.T) {
	o := newAdminDesk(t)
	it := identity(t)
	o.write("keys", it.Recipient().String())
	o.write("secret", it.String())
	o.write("junk", "s3cret words")
	o.write("empty", "")
	o.write("short", "s3cret")
	o.write("there.age", "mine")
	bundle, keys := "--bundle", o.path("keys")
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"without a bundle", []string{"--recipients-file", keys}, "are for --bundle"},
		{"two ways in", []string{bundle, o.path("b"), "--recipients-file", keys, "--passphrase-file", keys}, "excludes --passphrase-file"},
		{"two places", []string{bundle, o.path("b"), "--recipients-file", keys, "--out-dir", o.path("d")}, "exclude each other"},
		{"a secret key", []string{bundle, o.path("b"), "--recipients-file", o.path("secret")}, "contains a secret key"},
		{"no keys", []string{bundle, o.path("b"), "--recipients-file", o.path("junk")}, "junk:1: not an age recipient"},
		{"empty", []string{bundle, o.path("b"), "--recipients-file", o.path("empty")}, "no age recipients in it"},
		{"missing", []string{bundle, o.path("b"), "--recipients-file", o.path("none")}, syscall.ENOENT.Error()},
		{"short passphrase", []string{bundle, o.path("b"), "--passphrase-file", o.path("short")}, "at least 12 characters"},
		{"it is there", []string{bundle, o.path("there.age"), "--recipients-file", keys}, "the file exists"},
		{"no directory", []string{bundle, o.path("none/b"), "--recipients-file", keys}, "no such directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out, stderr bytes.Buffer
			code := o.create(typed(&out, &stderr, "", token.Secret{}), tt.args...)
			if code != 2 || !strings.Contains(stderr.String(), tt.want) {
				t.Errorf("exit %d, said %q, want 2 and %q", code, &stderr, tt.want)
			}
			for _, secret := range []string{"s3cret", "AGE-SECRET-KEY-1"} {
				if strings.Contains(stderr.String(), secret) {
					t.Errorf("said %q", &stderr)
				}
			}
		})
	}
	if got := o.service.State().Requests[emulator.ClassLogin]; got != 0 {
		t.Errorf("%d logins, want none: nothing was to be sent", got)
	}
	if content, err := os.ReadFile(o.path("there.age")); string(content) != "mine" || err != nil {
		t.Errorf("a file that was there is %q now, %v", content, err)
	}
}

// TestPassphrasesThatDiffer: a slip of the hand makes no bundle that nobody can
// open.
func TestPassphrasesThatDiffer(t *testing.T) {
	o := newAdminDesk(t)
	var out, stderr bytes.Buffer
	w := typed(&out, &stderr, "", token.Secret{})
	typing := []string{"correct horse battery", "correct horse batttery"}
	w.password = func(context.Context, string) (token.Secret, error) {
		next := typing[0]
		typing = slices.Delete(typing, 0, 1)
		return token.NewSecret(next), nil
	}
	if code := o.create(w, "--bundle", o.path("b")); code != 2 || !strings.Contains(stderr.String(), "the two passphrases differ") {
		t.Errorf("exit %d, said %q", code, &stderr)
	}
}
