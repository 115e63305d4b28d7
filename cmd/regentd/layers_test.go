package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/policy"
)

// configTree makes files below a new directory and returns the paths in it.
func configTree(t *testing.T, files map[string]string) (dir string, paths layerPaths) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, layerPaths{
		Config:    filepath.Join(dir, "config.yaml"),
		ConfigDir: filepath.Join(dir, "config.d"),
		PolicyDir: filepath.Join(dir, "policy.d"),
	}
}

// trustAllOwners takes every owner for root, so that these tests run as any user.
func trustAllOwners() layerLoader {
	return layerLoader{checkManaged: func(string, fs.FileInfo) error { return nil }}
}

type foundLayer struct {
	Name string
	Rank policy.Rank
	Data string
}

// relativeTo returns layers and problems with their names relative to dir.
func relativeTo(dir string, layers []policy.Layer, problems []policy.Problem) ([]foundLayer, []string) {
	var l []foundLayer
	for _, layer := range layers {
		l = append(l, foundLayer{withoutDir(dir, layer.Name), layer.Rank, string(layer.Data)})
	}
	var p []string
	for _, problem := range problems {
		text := withoutDir(dir, problem.Error())
		if problem.Fatal {
			text = "fatal: " + text
		}
		p = append(p, text)
	}
	return l, p
}

func withoutDir(dir, text string) string {
	return filepath.ToSlash(strings.ReplaceAll(text, dir+string(filepath.Separator), ""))
}

func TestLayersInTheirOrder(t *testing.T) {
	dir, paths := configTree(t, map[string]string{
		"config.yaml":                "1",
		"config.d/20-b.yaml":         "3",
		"config.d/10-installer.yaml": "2",
		"config.d/.hidden.yaml":      "x",
		"config.d/cad.yaml.dpkg-new": "x",
		"config.d/README":            "x",
		"config.d/old.yml":           "x",
		"policy.d/a.yaml":            "4",
	})
	layers, problems := loadBelow(dir, paths)
	want := []foundLayer{
		{"config.yaml", policy.Local, "1"},
		{"config.d/10-installer.yaml", policy.Dropin, "2"},
		{"config.d/20-b.yaml", policy.Dropin, "3"},
		{"policy.d/a.yaml", policy.Managed, "4"},
	}
	if diff := cmp.Diff(layers, want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
	if diff := cmp.Diff(problems, []string{"config.d/old.yml: is not read; rename it to end in .yaml"}); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}

// load is find, in two.
func (l layerLoader) load(paths layerPaths) ([]policy.Layer, []policy.Problem) {
	f := l.readAll(paths)
	return f.Layers, f.Problems
}

func loadBelow(dir string, paths layerPaths) ([]foundLayer, []string) {
	layers, problems := trustAllOwners().load(paths)
	return relativeTo(dir, layers, problems)
}

func TestMissingConfiguration(t *testing.T) {
	dir, paths := configTree(t, nil)
	layers, problems := loadBelow(dir, paths)
	if len(layers)+len(problems) > 0 {
		t.Errorf("nothing is there: got %v, %v, want neither layer nor problem", layers, problems)
	}
	paths.ConfigNamed = true
	_, problems = loadBelow(dir, paths)
	want := []string{"fatal: config.yaml: there is no such file; name the configuration with --config, or leave that out to use the default one"}
	if diff := cmp.Diff(problems, want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}

func TestIrregularFiles(t *testing.T) {
	dir, paths := configTree(t, map[string]string{
		"config.yaml/inner":         "x",
		"config.d/dir.yaml/inner":   "x",
		"policy.d/dir.yaml/inner":   "x",
		"policy.d/good.yaml":        "audit: required",
		"elsewhere/dir.yaml/inner2": "x",
	})
	layers, problems := loadBelow(dir, paths)
	want := []string{
		"fatal: config.yaml: is not a regular file; replace it by a regular file",
		"fatal: config.d/dir.yaml: is not a regular file; replace it by a regular file",
		"policy.d/dir.yaml: is not a regular file; replace it by a regular file",
	}
	if diff := cmp.Diff(problems, want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
	if len(layers) != 1 || layers[0].Name != "policy.d/good.yaml" {
		t.Errorf("got layers %v, want the good policy alone", layers)
	}
}

func TestLinks(t *testing.T) {
	dir, paths := configTree(t, map[string]string{
		"elsewhere/a.yaml":   "audit: required",
		"config.d/real.yaml": "x",
		"policy.d/real.yaml": "x",
	})
	for _, link := range []string{"config.d/link.yaml", "policy.d/link.yaml"} {
		if err := os.Symlink(filepath.Join(dir, "elsewhere", "a.yaml"), filepath.Join(dir, link)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "config.d", "void.yaml")); err != nil {
		t.Fatal(err)
	}
	layers, problems := loadBelow(dir, paths)
	want := []foundLayer{
		{"config.d/link.yaml", policy.Dropin, "audit: required"}, // the administrator's own doing
		{"config.d/real.yaml", policy.Dropin, "x"},
		{"policy.d/real.yaml", policy.Managed, "x"},
	}
	if diff := cmp.Diff(layers, want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
	wantProblems := []string{
		"config.d/void.yaml: is missing or a broken link, so it is ignored; remove the link, or restore its file",
		"policy.d/link.yaml: is not a regular file; replace it by a regular file",
	}
	if diff := cmp.Diff(problems, wantProblems); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}

func TestLargeFileIsNotReadWhole(t *testing.T) {
	_, paths := configTree(t, map[string]string{"config.yaml": strings.Repeat("#", policy.MaxLayer+4096)})
	layers, problems := trustAllOwners().load(paths)
	if len(layers) != 0 || policy.Fatal(problems) == nil || !strings.Contains(problems[0].Text, "has more than 1048576 bytes") {
		t.Errorf("got %d layers and %v, want none and why", len(layers), problems)
	}
}

func TestExchangedFileIsRefused(t *testing.T) {
	dir, _ := configTree(t, map[string]string{"a": "1", "b": "2"})
	other := func(string) (fs.FileInfo, error) { return os.Stat(filepath.Join(dir, "b")) }
	if data, err := readRegular(filepath.Join(dir, "a"), other); err == nil {
		t.Errorf("got %q, want an error: the file looked at was another", data)
	}
}

func TestUntrustedPolicy(t *testing.T) {
	_, paths := configTree(t, map[string]string{"config.yaml": "", "policy.d/a.yaml": "x", "policy.d/b.yaml": "y"})
	refuse := func(name string) layerLoader {
		return layerLoader{checkManaged: func(_ string, info fs.FileInfo) error {
			if info.Name() == name {
				return errors.New("does not belong to root")
			}
			return nil
		}}
	}
	for name, want := range map[string][]foundLayer{
		"b.yaml":   {{"config.yaml", policy.Local, ""}, {"policy.d/a.yaml", policy.Managed, "x"}},
		"policy.d": {{"config.yaml", policy.Local, ""}},
	} {
		layers, problems := refuse(name).load(paths)
		got, texts := relativeTo(filepath.Dir(paths.Config), layers, problems)
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s is not root's: -got +want\n%s", name, diff)
		}
		if len(texts) != 1 || !strings.HasSuffix(texts[0], name+": does not belong to root") {
			t.Errorf("%s is not root's: got problems %v, want one that is not fatal", name, texts)
		}
	}
}

func TestVendorsFileAddsItsApplication(t *testing.T) {
	_, paths := configTree(t, map[string]string{
		"config.yaml":       "tenant: demo-host.com\n",
		"config.d/cad.yaml": "applications:\n  - id: cad\n    instances: 2\n    allow: [{groups: [engineering]}]\n",
	})
	layers, problems := trustAllOwners().load(paths)
	res, more := policy.Resolve(layers...)
	if len(problems)+len(more) > 0 {
		t.Fatalf("problems: %v %v", problems, more)
	}
	apps := res.Settings.Applications
	if want := filepath.Join(paths.ConfigDir, "cad.yaml") + ":2"; len(apps) != 1 || apps[0].ID != "cad" || apps[0].Instances != 2 || apps[0].Origin != want {
		t.Errorf("got %+v, want cad with 2 instances from %s", apps, want)
	}
}

// TestLogLevelFlag: it is above what is local and below policy, and the account
// of policy knows it.
func TestLogLevelFlag(t *testing.T) {
	tests := []struct {
		name, managed, level, origin string
	}{
		{"no policy", "", "debug", "--log-level"},
		{"policy", "log: {level: error}", "error", "policy.yaml:1"},
		{"policy of something else", "audit: required", "debug", "--log-level"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := policy.Reading{Layers: []policy.Layer{
				{Name: "config.yaml", Rank: policy.Local, Data: []byte("log: {level: warn}")},
				{Name: "drop.yaml", Rank: policy.Dropin, Data: []byte("log: {level: info}")},
				{Name: "policy.yaml", Rank: policy.Managed, Data: []byte(tt.managed)},
			}}
			resolved, problems, err := (&options{logLevel: "debug"}).resolve(f)
			p, _ := resolved.Provenance("log.level")
			if got := resolved.Settings.Log.Level; got != tt.level || p.Origin.String() != tt.origin || len(problems) > 0 || err != nil {
				t.Errorf("level %s from %s, %v, %v; want %s from %s", got, p.Origin, problems, err, tt.level, tt.origin)
			}
		})
	}
}
