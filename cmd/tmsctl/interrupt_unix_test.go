//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"filippo.io/age"
)

// spoken is what a program says, for who waits for a word of it.
type spoken struct {
	mu   sync.Mutex
	text strings.Builder
	word string
	said chan struct{} // closed at the word
	once sync.Once
}

func (s *spoken) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	if strings.Contains(s.text.String(), s.word) {
		s.once.Do(func() { close(s.said) })
	}
	return len(p), nil
}

// program is the real tmsctl with a service that shows tokens once.
func program(t *testing.T, service *once, dir string, args ...string) *exec.Cmd {
	t.Helper()
	for name, text := range map[string]string{
		"password": service.Credentials().Password, "people.csv": "recipient,count\nalice,2\nbob,7\ncarol,1\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.CommandContext(t.Context(), "tmsctl", append([]string{
		"--tenant", service.url, "--proxy", "none", "--user", "admin", "--password-file", "password", "registration-token", "create",
	}, args...)...)
	c.Dir = dir
	c.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir)
	return c
}

// TestSignals: Ctrl-C, a stopped session and a closed terminal let tmsctl take the reply
// that it waits for. The token is on the disk when it ends.
func TestSignals(t *testing.T) {
	for _, sent := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sent.String(), func(t *testing.T) {
			service, who, dir := newOnce(t), identity(t), t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "keys"), []byte(who.Recipient().String()), 0o600); err != nil {
				t.Fatal(err)
			}
			defaultSignal(t, sent)
			c := program(t, service, dir, "--per-recipient", "people.csv", "--identifier", "q4", "--bundle", "q4.age", "--recipients-file", "keys")
			said := &spoken{word: "waiting for the reply to q4-bob", said: make(chan struct{})}
			c.Stderr = said
			started := make(chan *os.Process, 1)
			service.before(2, func(created bool) {
				if created {
					return
				}
				if err := (<-started).Signal(sent); err != nil {
					t.Error(err)
				}
				select {
				case <-said.said:
				case <-t.Context().Done():
				}
			})
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			started <- c.Process
			err := c.Wait()
			if code := c.ProcessState.ExitCode(); code != 1 || len(service.tokens()) != 2 {
				t.Fatalf("exit %d (%v), %d made, said %s", code, err, len(service.tokens()), &said.text)
			}
			if want := "2 of 3 are done; no bundle was written. The created tokens are encrypted in q4.age.parts"; !strings.Contains(said.text.String(), want) {
				t.Errorf("want %q, said %s", want, &said.text)
			}
			service.all(t, parts(t, filepath.Join(dir, "q4.age.parts"), who))
		})
	}
}

// defaultSignal lets programs that are started end at a signal, also where who runs the
// tests ignores it, as nohup does: what is ignored stays so in a child.
func defaultSignal(t *testing.T, s os.Signal) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, s)
	t.Cleanup(func() { signal.Stop(caught) })
}

// parts are the tokens of a directory of parts by recipient.
func parts(t *testing.T, dir string, who age.Identity) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"+partSuffix))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		recipient, _, _ := strings.Cut(filepath.Base(name), ".")
		all[recipient] = decrypted(t, string(content), who)
	}
	return all
}

// TestNobodyReads: a token that cannot be printed is said to be there, and how to go on.
// In a file it is safe.
func TestNobodyReads(t *testing.T) {
	closed := func(t *testing.T) *os.File {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		return w
	}
	full := func(t *testing.T) *os.File {
		f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for name, out := range map[string]func(*testing.T) *os.File{"a closed pipe": closed, "a full disk": full} {
		for _, file := range []string{"", "token"} {
			t.Run(fmt.Sprintf("%s %s", name, file), func(t *testing.T) {
				service, dir := newOnce(t), t.TempDir()
				args := []string{"--count", "1", "--identifier", "q4"}
				if file != "" {
					args = append(args, "--out", file)
				}
				c := program(t, service, dir, args...)
				stdout := out(t)
				defer stdout.Close()
				var stderr bytes.Buffer
				c.Stdout, c.Stderr = stdout, &stderr
				err := c.Run()
				id := service.State().RegistrationTokens[0].ID
				wants := []string{"tmsctl registration-token show --reveal " + id, "tmsctl registration-token delete " + id}
				if file != "" {
					wants = []string{id + " was created and is in token"}
					content, err := os.ReadFile(filepath.Join(dir, file))
					if err != nil || string(content) != service.tokens()["q4"] {
						t.Errorf("the file has something else: %v", err)
					}
				}
				for _, want := range wants {
					if code := c.ProcessState.ExitCode(); code != 1 || !strings.Contains(stderr.String(), want) {
						t.Errorf("exit %d (%v), want %q, said %s", code, err, want, &stderr)
					}
				}
			})
		}
	}
}

var _ io.Writer = (*spoken)(nil)
