package lease_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"regent/agent/lease"
)

// openJournal returns a table with the journal at path, and the leases in it.
func openJournal(t *testing.T, path string) (*lease.Table, []lease.Lease) {
	t.Helper()
	table := &lease.Table{OnJournalError: func(err error) { t.Error(err) }}
	kept, err := table.OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = table.Close() }) // a test may have closed it
	return table, kept
}

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.jsonl")
	table, kept := openJournal(t, path)
	if len(kept) != 0 {
		t.Errorf("a new journal has %v", kept)
	}
	p, q, r := newProcess(100, 1), newProcess(200, 1), newProcess(300, 1)
	wantAcquire(t, table, cad(1), p, false, lease.Acquired)
	wantAcquire(t, table, cad(2), q, false, lease.Acquired)
	wantAcquire(t, table, cad(3), r, false, lease.Acquired)
	table.Release(cad(2), q.Holder)
	r.end()
	wantAcquire(t, table, cad(3), q, false, lease.Acquired)
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"instance":{"Tenant":"demo`); err != nil { // the daemon was killed here
		t.Fatal(err)
	}
	f.Close()
	_, kept = openJournal(t, path)
	want := []lease.Lease{{Instance: cad(1), Holder: p.Holder}, {Instance: cad(3), Holder: q.Holder}}
	if diff := cmp.Diff(kept, want); diff != "" {
		t.Errorf("after a restart: got -, want +:\n%s", diff)
	}
	_, again := openJournal(t, path)
	if diff := cmp.Diff(again, want); diff != "" {
		t.Errorf("after another: got -, want +:\n%s", diff)
	}
}

// A journal that cannot be begun, as on a full disk, is no reason to forget what
// an earlier one says; it is begun with the first lease for which there is room.
func TestJournalOnFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.jsonl")
	table, _ := openJournal(t, path)
	p, q, r := newProcess(100, 1), newProcess(200, 1), newProcess(300, 1)
	wantAcquire(t, table, cad(1), p, false, lease.Acquired)
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	inTheWay := path + ".new"
	if err := os.Mkdir(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	failed := 0
	again := lease.Table{OnJournalError: func(error) { failed++ }}
	kept, err := again.OpenJournal(path)
	if err == nil || len(kept) != 1 {
		t.Fatalf("OpenJournal = %v, %v; want what was leased, and why the journal was not begun", kept, err)
	}
	again.Restore(cad(1), p.Holder, p.claim().Process)
	wantAcquire(t, &again, cad(2), q, false, lease.Acquired)
	if failed != 1 {
		t.Errorf("of leases that were not recorded %d were told, want 1", failed)
	}
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	wantAcquire(t, &again, cad(3), r, false, lease.Acquired)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	_, kept = openJournal(t, path)
	want := []lease.Lease{{Instance: cad(1), Holder: p.Holder}, {Instance: cad(2), Holder: q.Holder}, {Instance: cad(3), Holder: r.Holder}}
	if diff := cmp.Diff(kept, want, cmpopts.SortSlices(func(a, b lease.Lease) bool { return a.Instance.Number < b.Instance.Number })); diff != "" {
		t.Errorf("got -, want +:\n%s", diff)
	}
}

// However often instances are leased and given back, the journal stays small.
func TestJournalIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.jsonl")
	table, _ := openJournal(t, path)
	p := newProcess(100, 1)
	for range 20_000 {
		wantAcquire(t, table, cad(1), p, false, lease.Acquired)
		table.Release(cad(1), p.Holder)
	}
	st, err := os.Stat(path)
	if err != nil || st.Size() > 2<<20 {
		t.Errorf("the journal has %d bytes, %v", st.Size(), err)
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
}

// A journal is read whatever is in it.
func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"instance":{"Tenant":"t","Application":"cad","Number":1},"holder":{"pid":1}}` + "\n"))
	path := filepath.Join(f.TempDir(), "leases.jsonl")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var tables [2]lease.Table
		kept, err := tables[0].OpenJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		tables[0].Close()
		again, err := tables[1].OpenJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		tables[1].Close()
		if diff := cmp.Diff(kept, again); diff != "" {
			t.Errorf("read once (-) and twice (+):\n%s", diff)
		}
	})
}
