package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/windows"

	"regent/agent/audit"
	"regent/agent/lease"
	"regent/agent/store"
	"regent/agent/token"
	"regent/platform/files"

	"regent/platform/statedir"
)

// replacer writes one file of the state anew, whole.
type replacer struct {
	file  string // in the state directory
	write func(t *testing.T, state string, time int)
}

func replacers() []replacer {
	return []replacer{
		{`records\r-one.rec`, writeRecord},
		{"policy.last.json", func(t *testing.T, state string, time int) {
			mustRun(t, files.Write(filepath.Join(state, "policy.last.json"), []byte{byte(time)}, 0o600))
		}},
		{"leases.jsonl", func(t *testing.T, state string, time int) {
			path := filepath.Join(state, "leases.jsonl")
			if time == 0 { // the first lease begins the journal
				held := lease.Lease{Instance: token.Instance{Tenant: "demo-host.com", Application: "cad", Number: 1}}
				line, err := json.Marshal(lease.Change{Lease: held})
				mustRun(t, err)
				mustRun(t, os.WriteFile(path, append(line, '\n'), 0o600))
			}
			var table lease.Table
			_, err := table.OpenJournal(path)
			mustRun(t, err)
			mustRun(t, table.Close())
		}},
		{"audit.jsonl", func(t *testing.T, state string, _ int) {
			path := filepath.Join(state, "audit.jsonl")
			log, err := audit.OpenFile(path)
			mustRun(t, err)
			mustRun(t, log.Close())
			mustRun(t, os.Truncate(path, audit.MaxFileSize)) // full, so that the next line begins a file
			log, err = audit.OpenFile(path)
			mustRun(t, err)
			mustRun(t, log.Record(t.Context(), audit.Change{}))
			mustRun(t, log.Close())
		}},
	}
}

func writeRecord(t *testing.T, state string, time int) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: state, Key: make([]byte, store.KeySize)})
	mustRun(t, err)
	_, was, err := s.Get(t.Context(), "one")
	if time > 0 {
		mustRun(t, err)
	}
	_, err = s.Put(t.Context(), "one", []byte{byte(time)}, was)
	mustRun(t, err)
	mustRun(t, s.Close())
}

// TestReplacingKeepsTheAccessList writes each kind of file of the state again and
// again, in the directory as it is made: its access list stays the same, and where
// somebody widened that the next file, which is another one, has it as before.
//
// Under Wine a list is the mode of the file, which the umask gives it and not the
// directory; that it comes from there on Windows is the lists' doing: see
// TestAccess in platform/layout, which evaluates what is inherited.
func TestReplacingKeepsTheAccessList(t *testing.T) {
	for _, r := range replacers() {
		t.Run(filepath.Base(r.file), func(t *testing.T) {
			dir, err := statedir.Open(filepath.Join(t.TempDir(), "Regent", "state"))
			mustRun(t, err)
			defer dir.Close()
			r.write(t, dir.Path(), 0)
			path := filepath.Join(dir.Path(), r.file)
			first := accessOf(t, path)
			r.write(t, dir.Path(), 1)
			if diff := cmp.Diff(accessOf(t, path), first); diff != "" {
				t.Errorf("access of %s (-got +want):\n%s", path, diff)
			}
			widen(t, path)
			if diff := cmp.Diff(accessOf(t, path), first); diff == "" {
				t.Fatal("it was not widened")
			}
			r.write(t, dir.Path(), 2)
			if diff := cmp.Diff(accessOf(t, path), first); diff != "" {
				t.Errorf("access of %s, which was widened (-got +want):\n%s", path, diff)
			}
			if r.file == "audit.jsonl" { // the file before it goes on under another name
				mustRun(t, os.Remove(path+".1"))
			}
			if open, err := files.FileExposures(filepath.Dir(dir.Path()), dir.Path()); err != nil || len(open) > 0 {
				t.Errorf("exposed: %+v, %v", open, err)
			}
		})
	}
}

func accessOf(t *testing.T, path string) files.AccessList {
	t.Helper()
	list, err := files.ReadAccess(path)
	mustRun(t, err)
	return list
}

// widen lets everybody read.
func widen(t *testing.T, path string) {
	t.Helper()
	sd, err := windows.SecurityDescriptorFromString("D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;WD)")
	mustRun(t, err)
	list, _, err := sd.DACL()
	mustRun(t, err)
	mustRun(t, windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION, nil, nil, list, nil))
}

func mustRun(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
