package store

import (
	"strings"
	"testing"
)

// FuzzNameOf: a file in the state directory is taken for a record only under
// the one name that its record's file has, which leads nowhere else.
func FuzzNameOf(f *testing.F) {
	f.Fuzz(func(t *testing.T, file string) {
		name, ok := nameOf(file)
		if !ok {
			return
		}
		if got := fileOf(name); got != file {
			t.Errorf("%q is in the file %q, not in %q", name, got, file)
		}
		if CheckName(name) != nil || !isRecord(file) || isTemp(file) {
			t.Errorf("%q was taken for the file of %q", file, name)
		}
		if strings.ContainsAny(file, `/\:`) || len(file) > maxFileName {
			t.Errorf("the file %q is no plain name", file)
		}
	})
}
