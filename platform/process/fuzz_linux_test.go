package process

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzArguments: a command line is taken apart at its ends and nowhere else.
func FuzzArguments(f *testing.F) {
	f.Fuzz(func(t *testing.T, line []byte) {
		args := parseArguments(line)
		if len(args) == 0 {
			t.Fatal("no arguments, not even one")
		}
		whole := strings.Join(args, "\x00")
		if whole != string(line) && whole+"\x00" != string(line) || bytes.Count(line, []byte{0}) > len(args) {
			t.Errorf("%q became %q", line, args)
		}
	})
}
