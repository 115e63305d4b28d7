package main

import (
	"path/filepath"
	"slices"
	"testing"
)

// TestGuides: the package brings every guide.
func TestGuides(t *testing.T) {
	paths, err := filepath.Glob("../docs/*.md")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no guides: %v", err)
	}
	for _, path := range paths {
		if !slices.ContainsFunc(InstalledFiles(), func(f Installed) bool { return f.name == filepath.Base(path) }) {
			t.Errorf("%s is not in guides", path)
		}
	}
	for _, name := range []string{"openapi.json", "PROTOCOL.md", "CONTRACT.md", "regent.rules.yml"} {
		if !slices.ContainsFunc(InstalledFiles(), func(f Installed) bool { return f.name == name }) {
			t.Errorf("%s is not in guides", name)
		}
	}
}
