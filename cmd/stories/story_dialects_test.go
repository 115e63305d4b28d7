package stories

import (
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"regent/agent/tms/emulator"
)

// once are slow stories that run in the first of the dialects alone, and why.
var once = map[string]string{
	"clone-matrix":       "is about facts of the device; the service only redeems",
	"damage-matrix":      "is about the store; the service is asked nothing after the redemption",
	"managed-policy":     "is about files of policy; the service only redeems",
	"request-forms":      "names its dialect itself",
	"token-file-forms":   "is about files; the service only redeems",
	"token-file-later":   "is about files; the service only redeems",
	"token-file-partial": "is about files; the service only redeems",
}

// longStories are for -long: make store runs the matrices, make stories the rest.
var longStories = []string{"clone-matrix", "damage-matrix", "token-file-forms"}

// eachDialect runs the stories in each dialect of the service, without -long in the
// first alone and without the long ones. On Windows it is one:
// there the programs differ in files, pipes and processes, and not in what they read
// of the service, and under Wine a process takes long to start.
func eachDialect(t *testing.T, run func(*testing.T, emulator.Dialect, []string)) {
	all, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(all) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	var again []string
	for _, file := range all {
		if _, ok := once[strings.TrimSuffix(filepath.Base(file), ".txtar")]; !ok {
			again = append(again, file)
		}
	}
	if len(again)+len(once) != len(all) {
		t.Errorf("%d stories, of them %d in each dialect: once names some that there are not", len(all), len(again))
	}
	for i, d := range emulator.Dialects() {
		scripts := all
		if i > 0 {
			scripts = again
		}
		if i > 0 && (!*long || runtime.GOOS == "windows") {
			return
		}
		if !*long {
			scripts = slices.DeleteFunc(slices.Clone(scripts), func(file string) bool {
				return slices.Contains(longStories, strings.TrimSuffix(filepath.Base(file), ".txtar"))
			})
		}
		t.Run(string(d), func(t *testing.T) { run(t, d, scripts) })
	}
}
