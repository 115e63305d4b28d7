package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"regent/agent/tms/admin"
)

// written is a file with this content.
func written(t *testing.T, content []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// FuzzRecipients: each recipient is a file name of their own, on systems that
// fold case too, and leads out of no directory.
func FuzzRecipients(f *testing.F) {
	f.Fuzz(func(t *testing.T, content []byte) {
		all, err := readRecipients(written(t, content), admin.NewRegistrationToken{Identifier: "fleet", Count: 1}, nil)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, r := range all {
			if r.name != filepath.Base(r.name) || strings.HasPrefix(r.name, ".") || r.new.Identifier != "fleet-"+r.name {
				t.Errorf("recipient %+v", r)
			}
			if lower := strings.ToLower(r.name); seen[lower] {
				t.Errorf("%q came twice", r.name)
			} else {
				seen[lower] = true
			}
		}
		if len(all) == 0 {
			t.Error("nobody was named, and that was no error")
		}
	})
}

// FuzzLedgerExport: the ledger of a device, which its user could have written,
// is read line by line, with nothing added.
func FuzzLedgerExport(f *testing.F) {
	f.Fuzz(func(t *testing.T, content []byte) {
		entries, err := readLedger(written(t, content), nil)
		if err != nil {
			return
		}
		if lines := strings.Count(string(content), "\n"); len(entries) > lines {
			t.Errorf("%d entries of %d lines", len(entries), lines)
		}
		for _, e := range entries {
			for _, text := range []string{e.Identifier, e.FQDN, e.UserName, e.MAC, e.RefID1, e.RefID2, e.Outcome} {
				if text != strings.TrimSpace(text) {
					t.Errorf("%q has space around it", text)
				}
			}
		}
	})
}

var profileKeys = []string{"tenant", "proxy", "ca_file", "user", "password_file", "client_credentials", "client_id", "client_secret_file"}

// FuzzProfiles: a profile has a place for the names of secrets' files and none
// for a secret: a key that is not known is refused.
func FuzzProfiles(f *testing.F) {
	f.Fuzz(func(t *testing.T, content []byte) {
		name := written(t, content)
		tl := &tool{runtimeEnv: runtimeEnv{getenv: func(key string) string {
			if key == "TMSCTL_PROFILES" {
				return name
			}
			return ""
		}}}
		p, _, err := tl.readProfiles()
		if err != nil {
			if len(p.Profiles) > 0 {
				t.Errorf("%d profiles and %v", len(p.Profiles), err)
			}
			return
		}
		var loose struct {
			Profiles map[string]map[string]any `yaml:"profiles"`
		}
		if err := yaml.Unmarshal(content, &loose); err != nil {
			t.Fatalf("read as profiles, and not as YAML: %v", err)
		}
		for name, keys := range loose.Profiles {
			for key := range keys {
				if !slices.Contains(profileKeys, key) {
					t.Errorf("profile %q: %q was taken", name, key)
				}
			}
		}
		if _, err := json.Marshal(p.Profiles); err != nil {
			t.Errorf("cannot be listed: %v", err)
		}
	})
}

// FuzzRecipientKeys: no error quotes what stands where a public key belongs, and
// a secret key is not taken for one.
func FuzzRecipientKeys(f *testing.F) {
	f.Fuzz(func(t *testing.T, content []byte) {
		keys, err := recipientsIn(t.Context(), written(t, content))
		if err == nil && (len(keys) == 0 || strings.Contains(string(content), "AGE-SECRET-KEY-")) {
			t.Errorf("%d keys of %q", len(keys), content)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("the error quotes: %v", err)
		}
	})
}

// FuzzKept: what lies in the keyring is used whole or not at all, and nothing of
// it is said.
func FuzzKept(f *testing.F) {
	f.Fuzz(func(t *testing.T, access, refresh string) {
		var said strings.Builder
		tl := &tool{runtimeEnv: runtimeEnv{err: &said, keyring: func() (loginStore, error) {
			return memoryKeyring{"admin at h access": access, "admin at h refresh": refresh}, nil
		}}}
		tl.flags.User, tl.host = "admin", "h"
		b, _, ok := tl.savedLogin(t.Context())
		if !ok && (!b.Access.IsZero() || !b.Refresh.IsZero()) {
			t.Error("a login that cannot be used was returned")
		}
		if strings.Contains(said.String(), "canary") {
			t.Errorf("it says %q", said.String())
		}
	})
}
