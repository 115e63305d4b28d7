package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regent/agent/tms/admin"
	"regent/agent/token"
)

// TestFingerprintIsRecorded: it is told of a registration token that the service
// does not show any more, for its tenant alone, and the record has no token.
func TestFingerprintIsRecorded(t *testing.T) {
	dir := t.TempDir()
	var said bytes.Buffer
	at := func(host string) *tool {
		return &tool{host: host, runtimeEnv: runtimeEnv{err: &said, getenv: func(string) string { return "" }, configDir: func() (string, error) { return dir, nil }}}
	}
	secret := token.NewSecret("YWdlbnQtMDEyMzQ1NjpTRU5USU5FTC03ODk=")
	want := token.Fingerprint(secret)
	if got := at("one").fingerprint(admin.RegistrationToken{ID: "1", Token: secret}); got != want {
		t.Errorf("made: got %q, want %q", got, want)
	}
	for host, want := range map[string]string{"one": want, "two": ""} {
		if got := at(host).fingerprint(admin.RegistrationToken{ID: "1"}); got != want {
			t.Errorf("shown at %s: got %q, want %q", host, got, want)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "tmsctl", fingerprintsName))
	if err != nil || strings.Count(string(b), "\n") != 1 || strings.Contains(string(b), secret.Reveal()) {
		t.Errorf("recorded: %q, %v", b, err)
	}
	nowhere := at("one")
	nowhere.configDir = func() (string, error) { return "", errors.New("no home") }
	if got := nowhere.fingerprint(admin.RegistrationToken{ID: "2", Token: secret}); got != want || !strings.Contains(said.String(), want) {
		t.Errorf("where nothing can be recorded: got %q, said %q", got, &said)
	}
}
