package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"regent/agent/policy"
)

// TestLastGoodOverARestart starts a daemon in the middle of what rollouts do:
// what policy closed before stays closed, and what was removed is gone.
func TestLastGoodOverARestart(t *testing.T) {
	const file = "policy.d/10-a.yaml"
	tests := []struct {
		name   string
		do     func(dir string) error
		audit  string
		report string // in a problem; "" for none
	}{
		{"nothing", func(string) error { return nil }, "required", ""},
		{"a file is cut off", func(dir string) error { return os.WriteFile(filepath.Join(dir, file), []byte("audit: [req"), 0o644) }, "required", "10-a.yaml: not YAML"},
		{"a file is empty", func(dir string) error { return os.WriteFile(filepath.Join(dir, file), nil, 0o644) }, "required", "10-a.yaml: is empty; its previous content stays active"},
		{"the directory is not to be trusted", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "stranger"), nil, 0o644)
		}, "required", "10-a.yaml: is in a directory that cannot be used"},
		{"a file is removed", func(dir string) error { return os.Remove(filepath.Join(dir, file)) }, "best_effort", ""},
		{"the directory is removed", func(dir string) error { return os.RemoveAll(filepath.Join(dir, "policy.d")) }, "best_effort", ""},
		{"what was kept is damaged", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "policy.last.json"), []byte("{"), 0o600)
		}, "required", "cannot be read, so the policy before the restart is unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, paths := configTree(t, map[string]string{"config.yaml": "audit: best_effort\n", file: "audit: required\n"})
			kept := filepath.Join(dir, "policy.last.json")
			var before policy.LastGood
			before.Restore(trustAllOwners().readAll(paths), paths.PolicyDir)
			if err := saveLastGood(before, kept); err != nil {
				t.Fatal(err)
			}
			if err := tt.do(dir); err != nil {
				t.Fatal(err)
			}
			texts := ""
			after, err := loadLastGood(kept, paths.PolicyDir)
			if err != nil {
				texts = err.Error()
			}
			loader := layerLoader{checkManaged: func(string, fs.FileInfo) error {
				if _, err := os.Stat(filepath.Join(dir, "stranger")); err == nil {
					return errors.New("is writable by a stranger, so it is ignored")
				}
				return nil
			}}
			f := after.Restore(loader.readAll(paths), paths.PolicyDir)
			res, problems := policy.Resolve(f.Layers...)
			texts += withoutDir(dir, problemTexts(append(f.Problems, problems...)))
			if res.Settings.Audit != tt.audit || (tt.report == "") != (texts == "") || !strings.Contains(texts, tt.report) {
				t.Errorf("audit %s, problems %q; want %s and %q", res.Settings.Audit, texts, tt.audit, tt.report)
			}
		})
	}
}

// TestKeptPolicyFile: for the daemon alone, written only when it changes, and
// gone with the policy.
func TestKeptPolicyFile(t *testing.T) {
	dir := t.TempDir()
	name, policies := filepath.Join(dir, "policy.last.json"), filepath.Join(dir, "policy.d")
	layer := func(where, data string) policy.Layer {
		return policy.Layer{Name: where, Rank: policy.Managed, Data: []byte(data)}
	}
	g := policy.LastGood{Layers: []policy.Layer{
		layer(filepath.Join(policies, "a.yaml"), "audit: required\n"),
		layer(filepath.Join(dir, "elsewhere", "b.yaml"), "audit: required\n"), // of another --policy-dir
		{Name: "store", Rank: policy.Managed, Values: []policy.Value{{Name: "Audit", Data: "required"}}},
	}}
	if err := saveLastGood(g, name); err != nil {
		t.Fatal(err)
	}
	first, err := os.Stat(name)
	if err != nil || runtime.GOOS != "windows" && first.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v; want a file of mode 0600", first, err)
	}
	if err := saveLastGood(g, name); err != nil {
		t.Fatal(err)
	}
	if second, err := os.Stat(name); err != nil || !os.SameFile(first, second) {
		t.Errorf("what had not changed was written again: %v", err)
	}
	if again, err := loadLastGood(name, policies); err != nil || len(again.Layers) != 1 || again.Layers[0].Name != filepath.Join(policies, "a.yaml") {
		t.Errorf("recalled %v, %v; want the file of this directory", again.Layers, err)
	}
	if err := saveLastGood(policy.LastGood{}, name); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(name); !os.IsNotExist(err) {
		t.Errorf("without policy there is still a file: %v", err)
	}
	if left, err := fs.Glob(os.DirFS(dir), "*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
