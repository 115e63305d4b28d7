package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regent/agent/token"
)

// TestRepeatWithoutShownTokens: --per-recipient can be repeated where the service
// shows a token only once, and else says why not.
func TestRepeatWithoutShownTokens(t *testing.T) {
	e, url := changedService(t, func(body []byte) []byte { return withoutMembers(body, "token") })
	dir := t.TempDir()
	people, files := filepath.Join(dir, "people.csv"), filepath.Join(dir, "files")
	if err := os.WriteFile(people, []byte("recipient\nalice\nbob\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := dir
	command := func() (int, string) {
		var out bytes.Buffer
		w := typed(&out, &out, "", token.NewSecret(e.Credentials().Password))
		w.configDir = func() (string, error) { return config, nil }
		return run(t.Context(), w, []string{
			"--tenant", url, "--user", "admin", "registration-token", "create",
			"--per-recipient", people, "--identifier", "q4", "--count", "2", "--out-dir", files,
		}), out.String()
	}
	steps := []struct {
		name   string
		before func() error
		code   int
		says   string
	}{
		{"made", func() error { return nil }, 0, "made"},
		{"again", func() error { return nil }, 0, "2 of 2"},
		{"without the record", func() error { config = filepath.Join(dir, "elsewhere"); return nil }, 1, "its fingerprint is not recorded here"},
		{"another token", func() error {
			config = dir
			return os.WriteFile(filepath.Join(files, "bob.token"), []byte("dXNlcjpwYXNzd29yZDEyMzQ1"), 0o600)
		}, 1, "recipient bob: q4-bob exists already, but the service does not show its token any more, and the file of this recipient has another token"},
		{"no file", func() error { return os.Remove(filepath.Join(files, "bob.token")) }, 1, "no file of an earlier run has it"},
	}
	for _, step := range steps {
		if err := step.before(); err != nil {
			t.Fatal(err)
		}
		if code, said := command(); code != step.code || !strings.Contains(said, step.says) {
			t.Errorf("%s: exit %d, want %d and %q:\n%s", step.name, code, step.code, step.says, said)
		}
		if n := len(e.State().RegistrationTokens); n != 2 {
			t.Fatalf("%s: %d registration tokens", step.name, n)
		}
	}
}
