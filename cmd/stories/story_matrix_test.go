package stories

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// damages are what can happen to a file. Each gets the path of another sound file
// of the state, of the same kind where there is one.
var damages = map[string]func(path, other string) error{
	"truncate": func(path, _ string) error {
		st, err := os.Stat(path)
		return errors.Join(err, os.Truncate(path, st.Size()/2))
	},
	"zero": func(path, _ string) error {
		return rewrite(path, func(b []byte) []byte { return make([]byte, len(b)) })
	},
	"flip": func(path, _ string) error {
		return rewrite(path, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	},
	"delete": func(path, _ string) error { return os.Remove(path) },
	"swap": func(path, other string) error {
		b, err := os.ReadFile(other)
		return errors.Join(err, rewrite(path, func([]byte) []byte { return b }))
	},
	"symlink": func(path, _ string) error {
		return errors.Join(os.Rename(path, path+".moved"), os.Symlink(filepath.Base(path)+".moved", path))
	},
}

func rewrite(path string, change func([]byte) []byte) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, change(b), 0o600)
}

// damageMatrix damages the key, a record and the ledger in every way, each time on a
// copy of the sound state in the directory sound. The daemon names the state,
// makes no key, asks nothing of the service, and leaves every file as it is.
func damageMatrix(ts *testscript.TestScript, _ bool, _ []string) {
	records, err := filepath.Glob(ts.MkAbs("sound/records/r-auth-token*"))
	ts.Check(err)
	if len(records) < 2 {
		ts.Fatalf("want two auth tokens, have %q", records)
	}
	record := func(i int) string { return "records/" + filepath.Base(records[i]) }
	cells := 0
	for _, target := range []struct{ name, path, other, deleted string }{
		{"key", "keyring/data-key", "keyring.passphrase", "missing"},
		{"record", record(0), record(1), "rolled_back"},
		{"ledger", "ledger.jsonl", "audit.jsonl", "unreadable"},
	} {
		for how, damage := range damages {
			if how == "symlink" && runtime.GOOS == "windows" {
				continue // making one takes a privilege, and Wine shows what it names
			}
			want := "unreadable"
			if how == "delete" {
				want = target.deleted
			}
			cells++
			freshCopy(ts, "sound")
			ts.Check(damage(ts.MkAbs("state/"+target.path), ts.MkAbs("state/"+target.other)))
			tryDamaged(ts, target.name+" "+how, want)
		}
	}
	ts.Logf("%d cells", cells)
}

// freshCopy puts a copy of the directory from in the place of the state.
func freshCopy(ts *testscript.TestScript, from string) {
	ts.Check(os.RemoveAll(ts.MkAbs("state")))
	copyDir(ts, false, []string{from, "state"})
}

// tryDamaged starts the daemon on a damaged state.
func tryDamaged(ts *testscript.TestScript, cell, want string) {
	before, requests := stateFiles(ts), requestCount(ts)
	startDaemon(ts, false, nil)
	code := exitOf(ts, "status", "--json")
	out := ts.ReadFile("stdout")
	refused := exitOf(ts, "token", "--application", "cad", "--instance", "2")
	said := ts.ReadFile("stderr")
	registered := exitOf(ts, "register", "--file", "made", "--wait", "1s")
	end(ts, false, []string{"regentd"})
	if !strings.Contains(out, `"state": "`+want+`"`) || code != 7 || refused != 1 || registered != 1 {
		ts.Fatalf("%s: status %d, token %d, register %d; want the state %s in:\n%s", cell, code, refused, registered, want, out)
	}
	if !strings.Contains(said, "store_"+want) {
		ts.Fatalf("%s: token says %q, want store_%s", cell, said, want)
	}
	if after := stateFiles(ts); !bytes.Equal(before, after) {
		ts.Fatalf("%s: the daemon changed the state:\n%s\n%s", cell, before, after)
	}
	if now := requestCount(ts); now != requests {
		ts.Fatalf("%s: the service was asked: %s after %s", cell, now, requests)
	}
	ts.Logf("matrix: %-16s -> %-11s  exit codes: status %d, token %d, register %d; no new key, no request, every file as it was", cell, want, code, refused, registered)
}

// exitOf runs regent, and returns its exit code.
func exitOf(ts *testscript.TestScript, args ...string) int {
	path, err := lookPath(ts.Getenv("PATH"), "regent")
	ts.Check(err)
	var exit interface{ ExitCode() int }
	if err := ts.Exec(path, args...); err != nil && !errors.As(err, &exit) {
		ts.Fatalf("regent: %v", err)
	}
	if exit == nil {
		return 0
	}
	return exit.ExitCode()
}

func requestCount(ts *testscript.TestScript) string {
	countRequests(ts, false, []string{"counted"})
	return ts.ReadFile("counted")
}

// stateFiles is every file of the key, the records and the ledger, with its content.
func stateFiles(ts *testscript.TestScript) []byte {
	var all bytes.Buffer
	ts.Check(filepath.WalkDir(ts.MkAbs("state"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "lock" || strings.Contains(path, "audit.jsonl") {
			return err // who holds it, and who asked for what: these do change
		}
		all.WriteString(path + " " + e.Type().String() + "\n")
		b, err := os.ReadFile(path)
		all.Write(b)
		return err
	}))
	return all.Bytes()
}
