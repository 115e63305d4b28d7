package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regent/agent/policy"
)

// FuzzRecall: what was kept of policy takes effect only as a file of the
// directory of policy, below which nothing of it can name another.
func FuzzRecall(f *testing.F) {
	const dir = "/etc/regent/policy.d"
	f.Fuzz(func(t *testing.T, kept []byte) {
		name := filepath.Join(t.TempDir(), "policy.last.json")
		if err := os.WriteFile(name, kept, 0o600); err != nil {
			t.Fatal(err)
		}
		g, err := loadLastGood(name, dir)
		if err != nil && (g.BeforeRestart || len(g.Layers) > 0 || strings.Contains(err.Error(), "canary")) {
			t.Errorf("%d layers with %v", len(g.Layers), err)
		}
		for _, l := range g.Layers {
			if filepath.Dir(l.Name) != filepath.Clean(dir) || l.Rank != policy.Managed {
				t.Errorf("layer %q of rank %v", l.Name, l.Rank)
			}
		}
		if err := saveLastGood(g, name); err != nil {
			t.Fatal(err)
		}
		if again, err := loadLastGood(name, dir); err != nil || len(again.Layers) != len(g.Layers) {
			t.Errorf("kept again: %d layers, %v; before %d", len(again.Layers), err, len(g.Layers))
		}
	})
}

// FuzzProxyCredentials: they are one line with a user, which no header can be
// broken with, and an error shows none of it.
func FuzzProxyCredentials(f *testing.F) {
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "proxy")
		writeSecret(t, path, string(content), 0o600)
		s, err := readTrusted("network.proxy_credentials_file", path, readCredentials)
		if err != nil {
			if !s.IsZero() || strings.Contains(err.Error(), "canary") {
				t.Errorf("a secret, or one in the error: %v", err)
			}
			return
		}
		got := s.Reveal()
		if strings.Index(got, ":") < 1 || strings.ContainsAny(got, "\r\n\x00") || len(got) > maxCredentials || !strings.HasPrefix(string(content), got) {
			t.Errorf("%q was read of %q", got, content)
		}
	})
}
