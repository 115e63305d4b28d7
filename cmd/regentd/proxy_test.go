package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"regent/agent/address"
	"regent/agent/policy"
)

func TestProxyCredentials(t *testing.T) {
	dir := t.TempDir()
	path := func(name, text string, mode os.FileMode) string {
		p := filepath.Join(dir, name)
		writeSecret(t, p, text, mode)
		return p
	}
	if s, err := readTrusted("network.proxy_credentials_file", "", readCredentials); !s.IsZero() || err != nil {
		t.Errorf("no file: got a secret or %v", err)
	}
	s, err := readTrusted("network.proxy_credentials_file", path("good", "alice:s3cret:x\r\n", 0o640), readCredentials)
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
		_, err := readTrusted("network.proxy_credentials_file", file, readCredentials)
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "network.proxy_credentials_file "+file) {
			t.Errorf("%s: error %v, want one that names the key and the file, and no secret", name, err)
		}
	}
}

// TestEnvironmentProblems: what the environment has wrong is told at the start, by
// the variable, if the way is left to it.
func TestEnvironmentProblems(t *testing.T) {
	for _, tt := range []struct{ proxy, env, want string }{
		{"", "HTTPS_PROXY=http://u:SEC#RET@p:1", "environment: HTTPS_PROXY in the environment has a user or password"},
		{"system", "ALL_PROXY=http://p:x", "environment: ALL_PROXY in the environment has a port"},
		{"", "NO_PROXY=<local>", "environment: NO_PROXY in the environment: entry 1 is not a host"},
		{"", "HTTPS_PROXY=http://p:1", ""},
		{"none", "HTTPS_PROXY=http://u:SEC#RET@p:1", ""},
		{"http://proxy:3128", "HTTPS_PROXY=http://p:x", ""},
	} {
		s := policy.Settings{Tenant: "https://demo-host.com", Applications: []policy.Application{{ID: "cad", Tenant: "https://demo-host.com"}}}
		s.Network.Proxy = tt.proxy
		name, value, _ := strings.Cut(tt.env, "=")
		got := policy.EnvironmentProblems(s, address.FromEnvironment(func(n string) string { return map[string]string{name: value}[n] }))
		if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0].Error(), tt.want) || got[0].Fatal || strings.Contains(got[0].Error(), "SEC")) {
			t.Errorf("%s with network.proxy %q: got %v, want %q", tt.env, tt.proxy, got, tt.want)
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
