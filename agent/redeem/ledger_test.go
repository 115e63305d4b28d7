package redeem_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/store"
	"regent/agent/store/storetest"
	"regent/agent/timing/timingtest"
)

var errFull = errors.New("no space left on device")

// faultyStore is a store that has trouble when told to.
type faultyStore struct {
	storetest.Memory

	mu      sync.Mutex
	trouble storeFault
	writes  int
}

// storeFault is what a disk suffers.
type storeFault struct {
	before, after func(n int) error // asked at each write, by its number from 1
	refuses       string            // names that begin so are never written
	puts          int               // so many fail after they took effect, as if a directory's sync failed
	gets          int               // after that, so many fail
}

// inject makes t the disk's trouble from now on.
func (d *faultyStore) inject(t storeFault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trouble = t
}

// written returns how many writes there were.
func (d *faultyStore) written() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writes
}

func (d *faultyStore) Put(ctx context.Context, name string, value []byte, was store.Version) (v store.Version, err error) {
	err = d.write(name, func() error {
		v, err = d.Memory.Put(ctx, name, value, was)
		return err
	})
	if err == nil && d.tooLate() {
		return 0, errFull
	}
	return v, err
}

func (d *faultyStore) Delete(ctx context.Context, name string) error {
	return d.write(name, func() error { return d.Memory.Delete(ctx, name) })
}

func (d *faultyStore) write(name string, f func() error) error {
	d.mu.Lock()
	d.writes++
	n, t := d.writes, d.trouble
	d.mu.Unlock()
	if t.refuses != "" && strings.HasPrefix(name, t.refuses) {
		return errFull
	}
	if t.before != nil {
		if err := t.before(n); err != nil {
			return err
		}
	}
	if err := f(); err != nil {
		return err
	}
	if t.after != nil {
		return t.after(n)
	}
	return nil
}

// tooLate reports whether a Put that took effect fails all the same.
func (d *faultyStore) tooLate() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.trouble.puts == 0 {
		return false
	}
	d.trouble.puts--
	for range d.trouble.gets {
		d.FailNext(storetest.Get, errFull)
	}
	d.trouble.gets = 0
	return true
}

// fullDisk is the trouble of a disk without room.
var fullDisk = storeFault{before: func(int) error { return errFull }}

// ledgerFixture is a ledger of the test: a real file beside a store in memory.
type ledgerFixture struct {
	dir   string
	store *faultyStore
	clock *timingtest.Clock
	sync  func(*os.File) error // nil: for real
}

func newLedgerFixture(t *testing.T) *ledgerFixture {
	return &ledgerFixture{dir: t.TempDir(), store: &faultyStore{}, clock: timingtest.New()}
}

func (a *ledgerFixture) path() string { return filepath.Join(a.dir, redeem.LedgerName) }

func (a *ledgerFixture) tryOpen(t *testing.T) (*redeem.Ledger, error) {
	t.Helper()
	l, err := redeem.OpenLedger(t.Context(), redeem.LedgerOptions{
		Dir: a.dir, Key: []byte("a key of the test"), Store: a.store, Clock: a.clock, Sync: a.sync,
	})
	if err == nil {
		t.Cleanup(func() { l.Close() })
	}
	return l, err
}

func (a *ledgerFixture) open(t *testing.T) *redeem.Ledger {
	t.Helper()
	l, err := a.tryOpen(t)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (a *ledgerFixture) bytes(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile(a.path())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (a *ledgerFixture) set(t *testing.T, b []byte) {
	t.Helper()
	if err := os.WriteFile(a.path(), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (a *ledgerFixture) head(t *testing.T) string {
	t.Helper()
	b, _, err := a.store.Get(t.Context(), "ledger/head")
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	return string(b)
}

// wantAltered says that opening is refused and changes nothing.
func (a *ledgerFixture) wantAltered(t *testing.T) {
	t.Helper()
	file, head := a.bytes(t), a.head(t)
	if _, err := a.tryOpen(t); !errors.Is(err, redeem.ErrAltered) {
		t.Errorf("Open: got %v, want %v", err, redeem.ErrAltered)
	}
	if got := a.bytes(t); !bytes.Equal(got, file) {
		t.Errorf("the file was changed:\n%q\n%q", got, file)
	}
	if got := a.head(t); got != head {
		t.Errorf("the head was changed: got %s, want %s", got, head)
	}
}

// wantEntries says that the ledger, and the next start's, holds n entries and is good.
func (a *ledgerFixture) wantEntries(t *testing.T, l *redeem.Ledger, n int) {
	t.Helper()
	if err := l.Verify(); err != nil {
		t.Errorf("Verify: %v", err)
	}
	again := a.open(t)
	if got := len(again.Entries()); got != n {
		t.Errorf("the next start reads %d entries, want %d", got, n)
	}
	if diff := cmp.Diff(l.Entries(), again.Entries()); diff != "" {
		t.Errorf("this run and the next differ: -, +:\n%s", diff)
	}
}

// intent is an entry in which much is set.
func intent(id string) redeem.Entry {
	return redeem.Entry{
		Kind: redeem.Intent, ID: id, Tenant: host, Instance: "cad/1", Identifier: id, FQDN: "ws.example.com",
		UserName: "regent", MAC: "02:00:5e:10:00:01", RefID1: "cad/1", RefID2: "device-1", Registration: "0badcafe",
	}
}

func add(t *testing.T, l *redeem.Ledger, e redeem.Entry) redeem.Entry {
	t.Helper()
	e, err := l.Append(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// fill adds n entries.
func fill(t *testing.T, l *redeem.Ledger, n int) {
	t.Helper()
	for i := range n {
		add(t, l, intent(fmt.Sprintf("regent-%d", i)))
	}
}

func TestLedgerRoundTrip(t *testing.T) {
	a := newLedgerFixture(t)
	l := a.open(t)
	a.wantEntries(t, l, 0)
	in := []redeem.Entry{
		intent("regent-1"),
		{Kind: redeem.Uncertain, ID: "regent-1", Tenant: host, Instance: "cad/1", Code: fault.RedemptionUncertain, Status: 500, Words: "é \u2028 <&> \"\n", Retryable: true},
		{Kind: redeem.Resolved, ID: "regent-1", Tenant: host, Instance: "cad/1", Consumed: true, By: "alice"},
		{Kind: redeem.Confirmed, ID: "regent-2", Tenant: host, Instance: "cad/2", AuthTokenID: "at-1"},
	}
	var want []redeem.Entry
	for i, e := range in {
		got := add(t, l, e)
		if got.Seq != uint64(i+1) || a.clock.Wall().Sub(got.At).Abs() > time.Minute {
			t.Errorf("entry %d: got number %d at %s", i, got.Seq, got.At)
		}
		e.Seq, e.At = got.Seq, got.At
		want = append(want, e)
	}
	if diff := cmp.Diff(l.Entries(), want); diff != "" {
		t.Errorf("got -, want +:\n%s", diff)
	}
	a.wantEntries(t, l, len(in))
	l = a.open(t)
	fill(t, l, 2)
	a.wantEntries(t, l, len(in)+2)
}

func TestLedgerIsOneLineForEachEntry(t *testing.T) {
	a := newLedgerFixture(t)
	l := a.open(t)
	e := intent("regent-1")
	e.FQDN = "two\nlines"
	add(t, l, e)
	add(t, l, intent("regent-2"))
	if got, want := bytes.Count(a.bytes(t), []byte("\n")), 2; got != want {
		t.Errorf("got %d lines, want %d", got, want)
	}
	info, err := os.Stat(a.path())
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm() & 0o077; got != 0 && filepath.Separator == '/' {
		t.Errorf("others may do %o with it", got)
	}
}

func TestLedgerRefusesWhatIsTooLong(t *testing.T) {
	a := newLedgerFixture(t)
	l := a.open(t)
	long := intent("regent-1")
	long.Words = strings.Repeat("x", 17<<10)
	if e, err := l.Append(t.Context(), long); err == nil || e.Seq != 0 {
		t.Errorf("got %v, %v, want an error", e, err)
	}
	fill(t, l, 1)
	a.wantEntries(t, l, 1)
}

func TestVerifyFindsChanges(t *testing.T) {
	cut := func(b []byte, from, to int) []byte { return append(bytes.Clone(b[:from]), b[to:]...) }
	tests := []struct {
		name  string
		alter func(lines [][]byte) []byte
	}{
		{"the last line removed", func(l [][]byte) []byte { return bytes.Join(l[:3], nil) }},
		{"all removed", func([][]byte) []byte { return nil }},
		{"the first line removed", func(l [][]byte) []byte { return bytes.Join(l[1:], nil) }},
		{"a line in the middle removed", func(l [][]byte) []byte { return append(bytes.Join(l[:1], nil), bytes.Join(l[2:], nil)...) }},
		{"two lines swapped", func(l [][]byte) []byte { return bytes.Join([][]byte{l[0], l[2], l[1], l[3]}, nil) }},
		{"the last line again", func(l [][]byte) []byte { return append(bytes.Join(l, nil), l[3]...) }},
		{"the first line again", func(l [][]byte) []byte { return append(bytes.Join(l, nil), l[0]...) }},
		{"a line of garbage behind it", func(l [][]byte) []byte { return append(bytes.Join(l, nil), "garbage\n"...) }},
		{"an empty line behind it", func(l [][]byte) []byte { return append(bytes.Join(l, nil), '\n') }},
		{"an empty line before it", func(l [][]byte) []byte { return append([]byte("\n"), bytes.Join(l, nil)...) }},
		{"more behind it than a line can have", func(l [][]byte) []byte { return append(bytes.Join(l, nil), make([]byte, 17<<10)...) }},
		{"its last newline removed", func(l [][]byte) []byte { b := bytes.Join(l, nil); return b[:len(b)-1] }},
		{"the half of the last line removed", func(l [][]byte) []byte { b := bytes.Join(l, nil); return b[:len(b)-len(l[3])/2] }},
		{"a chain removed", func(l [][]byte) []byte { b := bytes.Join(l, nil); return cut(b, len(l[0])-77, len(l[0])-2) }},
		{"carriage returns", func(l [][]byte) []byte { return bytes.ReplaceAll(bytes.Join(l, nil), []byte("\n"), []byte("\r\n")) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newLedgerFixture(t)
			l := a.open(t)
			fill(t, l, 4)
			lines := bytes.SplitAfter(a.bytes(t), []byte("\n"))[:4]
			a.set(t, tt.alter(lines))
			if err := l.Verify(); !errors.Is(err, redeem.ErrAltered) {
				t.Errorf("Verify: got %v, want %v", err, redeem.ErrAltered)
			}
			a.wantAltered(t)
		})
	}
}

func TestLedgerOfAnotherKeyIsAltered(t *testing.T) {
	a := newLedgerFixture(t)
	fill(t, a.open(t), 2)
	_, err := redeem.OpenLedger(t.Context(), redeem.LedgerOptions{Dir: a.dir, Key: []byte("another"), Store: a.store, Clock: a.clock})
	if !errors.Is(err, redeem.ErrAltered) {
		t.Errorf("got %v, want %v", err, redeem.ErrAltered)
	}
}

// TestOpenRepairsATornLine: any part of a line, as a crash leaves it.
func TestOpenRepairsATornLine(t *testing.T) {
	a := newLedgerFixture(t)
	fill(t, a.open(t), 2)
	good := a.bytes(t)
	line := bytes.SplitAfter(good, []byte("\n"))[1]
	for n := 1; n < len(line)-1; n += 3 {
		a.set(t, append(bytes.Clone(good), line[:n]...))
		if got := len(a.open(t).Entries()); got != 2 {
			t.Fatalf("torn after %d bytes: got %d entries, want 2", n, got)
		}
		if got := a.bytes(t); !bytes.Equal(got, good) {
			t.Fatalf("torn after %d bytes: not repaired: %q", n, got)
		}
	}
	l := a.open(t)
	fill(t, l, 1)
	a.wantEntries(t, l, 3)
}

// TestOpenRepairsAHeadThatIsOneBehind, as a crash between a line and its head
// leaves it; two are not what a crash leaves.
func TestOpenRepairsAHeadThatIsOneBehind(t *testing.T) {
	for _, before := range []int{0, 2} {
		a := newLedgerFixture(t)
		fill(t, a.open(t), before)
		head := a.head(t)
		fill(t, a.open(t), 1)
		ahead := a.bytes(t)
		a.setHead(t, head)
		l := a.open(t)
		a.wantEntries(t, l, before+1)
		if a.head(t) == head {
			t.Error("the head was not sealed again")
		}
		a.set(t, append(bytes.Clone(ahead), `{"seq":`...)) // and a torn one behind it
		a.setHead(t, head)
		l = a.open(t)
		a.wantEntries(t, l, before+1)
		fill(t, l, 1)
		a.setHead(t, head)
		a.wantAltered(t)
	}
}

// setHead puts an older head back; "" is none.
func (a *ledgerFixture) setHead(t *testing.T, head string) {
	t.Helper()
	if head == "" {
		if err := a.store.Delete(t.Context(), "ledger/head"); err != nil {
			t.Fatal(err)
		}
		return
	}
	_, v, err := a.store.Get(t.Context(), "ledger/head")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.store.Put(t.Context(), "ledger/head", []byte(head), v); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusesOtherHeads(t *testing.T) {
	for _, head := range []string{
		"", "x", "[]", `{"seq":3,"chain":""}`, `{"seq":4,"chain":"00"}`, `{"seq":3,"chain":"00"}`, `{"seq":2,"chain":"00"}`, `{"seq":18446744073709551615}`,
	} {
		t.Run(head, func(t *testing.T) {
			a := newLedgerFixture(t)
			fill(t, a.open(t), 3)
			a.setHead(t, head)
			file := a.bytes(t)
			if _, err := a.tryOpen(t); err == nil {
				t.Error("got no error")
			}
			if got := a.bytes(t); !bytes.Equal(got, file) || a.head(t) != head {
				t.Error("something was changed")
			}
		})
	}
}

// TestOpenOfAHeadWithoutAFile: a ledger that was removed is not begun anew.
func TestOpenOfAHeadWithoutAFile(t *testing.T) {
	a := newLedgerFixture(t)
	fill(t, a.open(t), 1)
	if err := os.Remove(a.path()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.tryOpen(t); !errors.Is(err, redeem.ErrAltered) {
		t.Errorf("got %v, want %v", err, redeem.ErrAltered)
	}
	if _, err := os.Lstat(a.path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a new file was made: %v", err)
	}
}

// TestOpenWhenTheHeadCannotBeRead: that is not a first run.
func TestOpenWhenTheHeadCannotBeRead(t *testing.T) {
	a := newLedgerFixture(t)
	a.store.FailNext(storetest.Get, store.ErrKey)
	if _, err := a.tryOpen(t); !errors.Is(err, store.ErrKey) {
		t.Errorf("got %v, want %v", err, store.ErrKey)
	}
	if _, err := os.Lstat(a.path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
}

func TestOpenRefusesNonRegularFile(t *testing.T) {
	tests := []struct {
		name string
		make func(path string) error
	}{
		{"a directory", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"a link to a file", func(path string) error {
			return errors.Join(os.WriteFile(path+".real", nil, 0o600), os.Symlink(path+".real", path))
		}},
		{"a link to nothing", func(path string) error { return os.Symlink(path+".none", path) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newLedgerFixture(t)
			if err := tt.make(a.path()); err != nil {
				t.Skip(err)
			}
			if _, err := a.tryOpen(t); !errors.Is(err, redeem.ErrAltered) {
				t.Errorf("got %v, want %v", err, redeem.ErrAltered)
			}
			if _, err := os.Lstat(a.path() + ".none"); err == nil {
				t.Error("the link was followed")
			}
		})
	}
}
