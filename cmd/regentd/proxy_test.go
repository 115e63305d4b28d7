package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestProxyCredentials(t *testing.T) {
	dir := t.TempDir()
	path := func(name, text string, mode os.FileMode) string {
		p := filepath.Join(dir, name)
		writeSecret(t, p, text, mode)
		return p
	}
	if s, err := proxyCredentials(""); !s.IsZero() || err != nil {
		t.Errorf("no file: got a secret or %v", err)
	}
	s, err := proxyCredentials(path("good", "alice:s3cret:x\r\n", 0o640))
	if err != nil || s.Reveal() != "alice:s3cret:x" {
		t.Errorf("a good file: %v", err)
	}
	for name, file := range map[string]string{
		"not one line":  path("lines", "alice:s3cret\nbob:s3cret\n", 0o600),
		"user:password": path("plain", "s3cret", 0o600),
		"no such file":  filepath.Join(dir, "missing"),
		"not a regular": dir,
		"chmod o-rwx":   path("open", "alice:s3cret", 0o644),
	} {
		if name == "chmod o-rwx" && runtime.GOOS == "windows" {
			continue
		}
		_, err := proxyCredentials(file)
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "network.proxy_credentials_file "+file) {
			t.Errorf("%s: error %v, want one that names the key and the file, and no secret", name, err)
		}
	}
}

func writeSecret(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}
