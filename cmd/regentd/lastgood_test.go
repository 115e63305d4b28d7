package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/policy"
	"regent/platform/mdm"
)

// TestLastGoodPolicyStays does to a policy directory what half-written rollouts
// do, and looks what is in force after each.
func TestLastGoodPolicyStays(t *testing.T) {
	const first, second = "policy.d/10-a.yaml", "policy.d/20-b.yaml"
	good := map[string]string{
		"config.yaml": "audit: best_effort\nlog: {level: error}\n",
		first:         "audit: required\nlog: {level: warn}\n",
		second:        "log: {level: debug}\n",
	}
	tests := []struct {
		name   string
		do     func(dir string) error
		level  string // log.level afterwards; audit: required says that the first file counts
		audit  string
		report string // in a problem; "" for none
	}{
		{"nothing", func(string) error { return nil }, "debug", "required", ""},
		{"the directory goes", func(dir string) error { return os.RemoveAll(filepath.Join(dir, "policy.d")) }, "debug", "required", "gone with its directory; its previous content stays active until you restore the directory or restart regentd"},
		{"a file is cut off", func(dir string) error { return os.WriteFile(filepath.Join(dir, first), []byte("audit: [req"), 0o644) }, "debug", "required", "10-a.yaml: not YAML"},
		{"a file is empty", func(dir string) error { return os.WriteFile(filepath.Join(dir, second), nil, 0o644) }, "debug", "required", "20-b.yaml: is empty; its previous content stays active"},
		{"a file becomes a link", func(dir string) error {
			if err := os.Remove(filepath.Join(dir, second)); err != nil {
				return err
			}
			return os.Symlink("10-a.yaml", filepath.Join(dir, second))
		}, "debug", "required", "20-b.yaml: cannot be used; its previous content"},
		{"a file is removed", func(dir string) error { return os.Remove(filepath.Join(dir, second)) }, "warn", "required", ""},
		{"all files are removed", func(dir string) error {
			return os.Remove(filepath.Join(dir, first))
		}, "debug", "best_effort", ""},
		{"one value is bad", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, second), []byte("log: {level: loud}"), 0o644)
		}, "warn", "required", "log.level: is not a valid value"},
		{"a file is written anew", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, second), []byte("log: {level: info}"), 0o644)
		}, "info", "required", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.Contains(tt.name, "link") {
				t.Skip("links need a privilege there, and Wine hides them")
			}
			dir, paths := configTree(t, good)
			var g policy.LastGood
			g.Restore(trustAllOwners().readAll(paths), paths.PolicyDir)
			if err := tt.do(dir); err != nil {
				t.Fatal(err)
			}
			for again := range 2 { // a second look finds the same
				f := g.Restore(trustAllOwners().readAll(paths), paths.PolicyDir)
				res, problems := policy.Resolve(f.Layers...)
				texts := withoutDir(dir, problemTexts(append(f.Problems, problems...)))
				if s := res.Settings; s.Log.Level != tt.level || s.Audit != tt.audit {
					t.Errorf("look %d: level %s and audit %s, want %s and %s\n%s", again, s.Log.Level, s.Audit, tt.level, tt.audit, texts)
				}
				if (tt.report == "") != (texts == "") || !strings.Contains(texts, tt.report) {
					t.Errorf("look %d: problems %q, want one with %q", again, texts, tt.report)
				}
			}
		})
	}
}

func problemTexts(problems []policy.Problem) string {
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.Error())
	}
	return strings.Join(lines, "\n")
}

// TestLastGoodComesBackInItsPlace holds the order of files when one is put back.
func TestLastGoodComesBackInItsPlace(t *testing.T) {
	dir, paths := configTree(t, map[string]string{"policy.d/10-a.yaml": "tenant: a", "policy.d/20-b.yaml": "tenant: b", "config.yaml": ""})
	paths.Sources = []source{fakeSource(t, map[string]any{"Tenant": "c"})}
	var g policy.LastGood
	g.Restore(trustAllOwners().readAll(paths), paths.PolicyDir)
	if err := os.Remove(filepath.Join(dir, "policy.d", "10-a.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "policy.d", "10-a.yaml"), 0o755); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range g.Restore(trustAllOwners().readAll(paths), paths.PolicyDir).Layers {
		names = append(names, withoutDir(dir, l.Name))
	}
	if diff := cmp.Diff(names, []string{"config.yaml", "policy.d/10-a.yaml", "policy.d/20-b.yaml", "store"}); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}

// fakeSource is a store of managed values.
func fakeSource(t *testing.T, values map[string]any) source {
	t.Helper()
	return source{name: "store", rank: policy.Managed, read: func() ([]mdm.Value, error) {
		var all []mdm.Value
		for name, data := range values {
			all = append(all, mdm.Value{Name: name, Source: `store\` + name, Data: data})
		}
		return all, nil
	}}
}
