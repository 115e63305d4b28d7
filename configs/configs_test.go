package main

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/policy"
)

func TestGeneratedFilesAreUpToDate(t *testing.T) {
	files, err := allFiles()
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files are generated, %v", len(files), err)
	}
	for _, f := range files {
		if diff := cmp.Diff(string(f.data), string(read(t, "../"+f.name))); diff != "" {
			t.Errorf("%s is not what the tables say; run: go generate ./configs\n-generated +file\n%s", f.name, diff)
		}
	}
}

func TestDefaultSetsNothing(t *testing.T) {
	got, problems := policy.Resolve(policy.Layer{Name: "config.yaml", Rank: policy.Local, Data: []byte(embedded)})
	if len(problems) > 0 {
		t.Fatalf("problems in the default file: %v", problems)
	}
	want, _ := policy.Resolve()
	if diff := cmp.Diff(got.Settings, want.Settings); diff != "" {
		t.Errorf("-with the default file +without\n%s", diff)
	}
}

// uncommented is the default file without the # before its keys.
func uncommented() string {
	commented := regexp.MustCompile(`(?m)^( *)#((?:- )?[a-z][a-z0-9_]*:)`)
	return commented.ReplaceAllString(embedded, "$1$2")
}

// TestDefaultUncommented removes each # before a key, as a reader would, and
// expects every key of the table to have been set.
func TestDefaultUncommented(t *testing.T) {
	text := uncommented()
	res, problems := policy.Resolve(policy.Layer{Name: "config.yaml", Rank: policy.Local, Data: []byte(text)})
	if len(problems) > 0 {
		t.Fatalf("problems in the uncommented file: %v\n%s", problems, text)
	}
	for _, key := range res.Keys() {
		if p, ok := res.Provenance(key); !ok || p.Origin.Line == 0 {
			t.Errorf("%s is not set by the uncommented file", key)
		}
	}
	if apps := res.Settings.Applications; len(apps) != 1 || apps[0].ID != "cad" || len(apps[0].Allow) != 6 {
		t.Errorf("the example applications are %v, want cad with a rule for each of the 6 conditions", apps)
	}
}
