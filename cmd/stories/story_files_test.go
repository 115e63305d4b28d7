package stories

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// copyDir FROM TO: a copy of a directory, which is nobody else's.
func copyDir(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: copydir FROM TO")
	}
	to := ts.MkAbs(args[1])
	ts.Check(os.CopyFS(to, os.DirFS(ts.MkAbs(args[0]))))
	ts.Check(os.Chmod(to, 0o700))
	ts.Check(filepath.WalkDir(to, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			err = os.Chmod(path, 0o600)
		}
		return err
	}))
}

// glob NAME PATTERN: $NAME is the one file that matches. With ! there is none.
func glob(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: glob NAME PATTERN")
	}
	files, err := filepath.Glob(ts.MkAbs(args[1]))
	ts.Check(err)
	switch {
	case neg && len(files) > 0:
		ts.Fatalf("%s matches %q", args[1], files)
	case !neg && len(files) != 1:
		ts.Fatalf("%s matches %q, want one file", args[1], files)
	case !neg:
		ts.Setenv(args[0], files[0])
	}
}

// answerFile FILE LINE…: what a person types. @NAME is the content of a file.
func answerFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: answers FILE LINE…")
	}
	var typed strings.Builder
	for _, line := range args[1:] {
		if name, isFile := strings.CutPrefix(line, "@"); isFile {
			line = strings.TrimSpace(ts.ReadFile(name))
		}
		typed.WriteString(line + "\n")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(typed.String()), 0o600))
}

// replaceText FILE OLD NEW: a text of a file becomes another.
func replaceText(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	before := ts.ReadFile(args[0])
	after := strings.ReplaceAll(before, args[1], args[2])
	if after == before {
		ts.Fatalf("%s does not have %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(after), 0o600))
}

// absentIn FILE DIR: no file of a directory has the text that is in the file.
func absentIn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: nowhere FILE DIR")
	}
	text := strings.TrimSpace(ts.ReadFile(args[0]))
	if text == "" {
		ts.Fatalf("%s is empty", args[0])
	}
	looked := 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[1]), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			ts.Fatalf("%s has what is in %s", path, args[0])
		}
		looked++
		return err
	}))
	if looked == 0 {
		ts.Fatalf("%s has no files", args[1])
	}
}

// awaitGone FILE: waits until a file is there no longer.
func awaitGone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await-gone FILE")
	}
	for until := time.Now().Add(patience); isFile(ts.MkAbs(args[0])); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			ts.Fatalf("%s does not go", args[0])
		}
	}
}
