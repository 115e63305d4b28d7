package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regent/agent/token"
)

// TestProfileAsks: at a terminal, a profile needs no flags.
func TestProfileAsks(t *testing.T) {
	for in, want := range map[string]string{
		"https://acme.example.com\nadmin\n": "default: acme\nprofiles:\n  acme:\n    tenant: https://acme.example.com\n    user: admin\n",
		" https://acme.example.com \n\n":    "default: acme\nprofiles:\n  acme:\n    tenant: https://acme.example.com\n",
		"ftp://acme.example.com\n\n":        "",
		"":                                  "",
	} {
		file := filepath.Join(t.TempDir(), "new", "profiles.yaml")
		var out, said bytes.Buffer
		w := typed(&out, &said, in, token.Secret{})
		w.getenv = func(name string) string { return map[string]string{"TMSCTL_PROFILES": file}[name] }
		code := run(t.Context(), w, []string{"profile", "add", "acme"})
		got, _ := os.ReadFile(file)
		if string(got) != want || (code == 0) != (want != "") || !strings.Contains(said.String(), "Address of the tenant, as https://host: ") {
			t.Errorf("%q: exit %d, wrote %q, want %q, said %q", in, code, got, want, &said)
		}
	}
}
