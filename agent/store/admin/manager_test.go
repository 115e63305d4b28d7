package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/redeem"
	"regent/agent/store"
	"regent/agent/timing/timingtest"
)

// rings are the keyrings of a system: one key for each state directory.
type rings struct {
	keys  map[string][]byte
	marks map[string][]byte
	err   error
	made  int
	fail  func(op string) error
}

// fakeKeyring is the one of a state directory.
type fakeKeyring struct {
	*rings
	dir string
}

var _ Keyring = fakeKeyring{}

func (r fakeKeyring) step(op string) error {
	if r.fail == nil {
		return nil
	}
	return r.fail(op)
}

func (r fakeKeyring) Key(context.Context) ([]byte, error) {
	if err := errors.Join(r.err, r.step("key")); err != nil {
		return nil, err
	}
	if r.keys[r.dir] == nil {
		return nil, store.ErrNoKey
	}
	return r.keys[r.dir], nil
}

func (r fakeKeyring) Create(context.Context) ([]byte, error) {
	if err := r.step("create"); err != nil {
		return nil, err
	}
	r.made++
	r.keys[r.dir] = bytes.Repeat([]byte{byte(r.made)}, store.KeySize)
	return r.keys[r.dir], nil
}

func (r fakeKeyring) Replace(_ context.Context, key []byte) error {
	if err := r.step("replace"); err != nil {
		return err
	}
	r.keys[r.dir] = bytes.Clone(key)
	return nil
}

func (r fakeKeyring) Delete(context.Context) error {
	if err := r.step("forget"); err != nil {
		return err
	}
	delete(r.keys, r.dir)
	return nil
}
func (r fakeKeyring) Kind() string                    { return "fake" }
func (r fakeKeyring) For(dir string) (Keyring, error) { return fakeKeyring{r.rings, dir}, nil }

func (r fakeKeyring) LoadMark(context.Context) ([]byte, error) {
	if r.marks[r.dir] == nil {
		return nil, store.ErrNoMark
	}
	return r.marks[r.dir], nil
}

func (r fakeKeyring) SaveMark(_ context.Context, mark []byte) error {
	r.marks[r.dir] = mark
	return nil
}

func (r fakeKeyring) DeleteMark(context.Context) error {
	if err := r.step("forget mark"); err != nil {
		return err
	}
	delete(r.marks, r.dir)
	return nil
}

// device is a machine with a state directory, over its restarts.
type device struct {
	t     *testing.T
	dir   string
	rings *rings
	facts Facts
	clone string
	boot  string
}

func thisDevice() Facts {
	return Facts{MachineID: "m1", DMI: "d1", MACs: []string{"00:16:3e:00:00:01"}}
}

func otherDevice() Facts {
	return Facts{MachineID: "m1", DMI: "d2", MACs: []string{"00:16:3e:00:00:02"}}
}

// newDevice has three auth tokens, a registration token, a name and a ledger.
func newDevice(t *testing.T) *device {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state [1]") // no pattern; Windows takes no asterisk
	must(t, os.Mkdir(dir, 0o700))
	d := &device{t: t, dir: dir, rings: &rings{keys: map[string][]byte{}, marks: map[string][]byte{}}, facts: thisDevice(), boot: "boot-1"}
	s := d.open()
	for i := 1; i <= 3; i++ {
		must(t, s.put(t.Context(), fmt.Sprintf("auth-token/demo-host.com/cad/%d", i), []byte("token")))
	}
	must(t, s.put(t.Context(), "registration/demo-host.com", []byte("registration token")))
	must(t, s.put(t.Context(), deviceRecord, []byte("device-1")))
	o, err := s.ledgerOptions(d.dir, s.sealed)
	must(t, err)
	l, err := redeem.OpenLedger(t.Context(), o)
	must(t, err)
	for range 3 {
		_, err = l.Append(t.Context(), redeem.Entry{Kind: redeem.Asked, Tenant: "demo-host.com", Instance: "cad/1"})
		must(t, err)
	}
	must(t, l.Close())
	must(t, s.mark.Save(t.Context()))
	must(t, s.Close())
	return d
}

func (d *device) manager() *Manager {
	return New(Deps{
		Dir: d.dir, Lock: "lock", Keyring: fakeKeyring{d.rings, d.dir}, Facts: d.facts, BootID: d.boot, OnClone: d.clone,
		Clock: timingtest.New(), Log: slog.New(slog.NewTextHandler(d.t.Output(), nil)),
	})
}

// open opens a store that must be sound.
func (d *device) open() *Manager {
	d.t.Helper()
	s := d.manager()
	must(d.t, s.Open(d.t.Context()))
	d.t.Cleanup(func() { s.Close() })
	return s
}

// want opens the store and looks at what it comes to.
func (d *device) want(state store.State, kind fault.Kind) *Manager {
	d.t.Helper()
	s := d.manager()
	err := s.Open(d.t.Context())
	if s.State() != state || (err == nil) != (kind == "") || err != nil && fault.KindOf(err) != kind {
		d.t.Errorf("Open: got %s, %v, want %s, %q", s.State(), err, state, kind)
	}
	if (s.Store() == nil) != (err != nil) {
		d.t.Errorf("Open: a store that cannot be used is given out")
	}
	d.t.Cleanup(func() { s.Close() })
	return s
}

func (d *device) file(record string) string {
	return filepath.Join(d.dir, store.RecordsDir, "r-"+strings.ReplaceAll(record, "/", "%2f")+".rec")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func change(t *testing.T, path string, f func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, f(b), 0o600))
}

// act does a verb as the daemon does: on a safe of its own.
func (d *device) act(v Verb) (Report, error) {
	d.t.Helper()
	s := d.manager()
	_ = s.Open(d.t.Context()) // what it came to is what the verb is about
	r, err := s.Execute(d.t.Context(), v)
	must(d.t, s.Close())
	return r, err
}

func (d *device) snapshot() map[string]string {
	files := map[string]string{}
	must(d.t, filepath.WalkDir(d.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			b, readErr := os.ReadFile(path)
			files[path], err = string(b), readErr
		}
		return err
	}))
	return files
}

const authTokenRecord = "auth-token/demo-host.com/cad/2"

func TestRecover(t *testing.T) {
	flip := func(b []byte) []byte { b[len(b)-1] ^= 1; return b }
	tests := []struct {
		name    string
		damage  func(t *testing.T, d *device)
		state   store.State
		kind    fault.Kind
		counts  int
		kept    int
		records int // that are there afterwards
	}{
		{"a record flipped", func(t *testing.T, d *device) { change(t, d.file(authTokenRecord), flip) }, store.Unreadable, fault.StoreUnreadable, 1, 1, 6},
		{"two records cut", func(t *testing.T, d *device) {
			for _, name := range []string{authTokenRecord, deviceRecord} {
				change(t, d.file(name), func([]byte) []byte { return nil })
			}
		}, store.Unreadable, fault.StoreUnreadable, 1, 2, 5},
		{"a record taken away", func(t *testing.T, d *device) { must(t, os.Remove(d.file(authTokenRecord))) }, store.RolledBack, fault.StoreRolledBack, 2, 0, 6},
		{"the key is gone", func(_ *testing.T, d *device) { delete(d.rings.keys, d.dir) }, store.Missing, fault.StoreMissing, 3, 2, 1},
		{"the key is another one", func(_ *testing.T, d *device) { d.rings.keys[d.dir] = make([]byte, store.KeySize) }, store.Unreadable, fault.StoreUnreadable, 3, 8, 1},
		{"the key cannot be read", func(_ *testing.T, d *device) { d.rings.keys[d.dir] = []byte("short") }, store.Unreadable, fault.StoreUnreadable, 3, 2, 1},
		{"the mark is damaged", func(_ *testing.T, d *device) { d.rings.marks[d.dir][3] ^= 1 }, store.Unreadable, fault.StoreUnreadable, 0, 0, 7},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDevice(t)
			made := d.rings.made
			tt.damage(t, d)
			before := d.snapshot()
			d.want(tt.state, tt.kind)
			if diff := changed(before, d.snapshot()); len(diff) > 0 || d.rings.made != made {
				t.Fatalf("Open changed %q, made %d keys", diff, d.rings.made-made)
			}
			r, err := d.act(Recover)
			if err != nil || !r.Done || r.Counts != tt.counts || len(r.SetAside) != tt.kept {
				t.Errorf("recover: got %d counts, kept %q, %v, want %d and %d", r.Counts, r.SetAside, err, tt.counts, tt.kept)
			}
			if tt.name == "the key cannot be read" {
				delete(d.rings.keys, d.dir) // which Create of a real keyring puts aside
			}
			s := d.want(store.OK, "")
			if _, sound, err := s.Store().Verify(t.Context()); sound != tt.records || err != nil {
				t.Errorf("afterwards: %d records, %v, want %d", sound, err, tt.records)
			}
			must(t, s.checkLedger(t.Context()))
			if _, err := d.act(Recover); err == nil {
				t.Error("recover again: got no error")
			}
		})
	}
}

// changed lists what differs between two snapshots.
func changed(before, after map[string]string) []string {
	var diff []string
	for path, content := range before {
		if after[path] != content {
			diff = append(diff, path)
		}
	}
	for path := range after {
		if _, ok := before[path]; !ok {
			diff = append(diff, path)
		}
	}
	slices.Sort(diff)
	return diff
}

func TestAlteredLedgerIsKept(t *testing.T) {
	d := newDevice(t)
	change(t, filepath.Join(d.dir, redeem.LedgerName), func(b []byte) []byte { return bytes.Replace(b, []byte("asked"), []byte("Asked"), 1) })
	r, err := d.act(Recover)
	if err != nil || r.Ledger != "altered" || r.Counts != 0 || !strings.Contains(r.Effect, "tmsctl") {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := os.Stat(filepath.Join(d.dir, redeem.LedgerName+".corrupt-1")); err != nil {
		t.Error(err)
	}
	must(t, d.open().checkLedger(t.Context()))
}

func TestNewerStateIsLeftAsItIs(t *testing.T) {
	const formatAt = 7
	d := newDevice(t)
	change(t, d.file(authTokenRecord), func(b []byte) []byte { b[formatAt]++; return b })
	change(t, d.file(deviceRecord), func([]byte) []byte { return nil })
	before := d.snapshot()
	s := d.want(store.Unreadable, fault.StoreUnreadable)
	if !strings.Contains(fault.From(s.cause).Text(), "newer release") {
		t.Errorf("it says %q", fault.From(s.cause).Text())
	}
	for _, v := range []Verb{Recover, Reset, Rekey, Adopt, RegisterAgain, SealImage} {
		if _, err := d.act(v); fault.KindOf(err) != fault.InvalidRequest {
			t.Errorf("%s: got %v", v, err)
		}
	}
	if diff := changed(before, d.snapshot()); len(diff) > 0 {
		t.Errorf("changed %q", diff)
	}
}

func TestLockedIsLeftAsItIs(t *testing.T) {
	d := newDevice(t)
	d.rings.err = store.ErrLocked
	before := d.snapshot()
	d.want(store.Locked, fault.StoreLocked)
	for _, v := range []Verb{Recover, Rekey, Adopt, RegisterAgain, Drill} {
		if _, err := d.act(v); err == nil {
			t.Errorf("%s: got no error", v)
		}
	}
	if diff := changed(before, d.snapshot()); len(diff) > 0 {
		t.Errorf("changed %q", diff)
	}
}

func TestResetKeepsLedger(t *testing.T) {
	d := newDevice(t)
	for _, left := range []string{"records.corrupt-1", drillDir + "/records", rekeyDir + "/records"} { // of a crash
		must(t, os.MkdirAll(filepath.Join(d.dir, left), 0o700))
		must(t, os.WriteFile(filepath.Join(d.dir, left, "r-a.rec"), []byte("sealed"), 0o600))
	}
	r, err := d.act(Reset)
	if err != nil || r.Counts != 3 {
		t.Errorf("got %d counts, %v, want 3", r.Counts, err)
	}
	if len(d.rings.keys)+len(d.rings.marks) != 0 {
		t.Errorf("left %d keys and %d marks", len(d.rings.keys), len(d.rings.marks))
	}
	for path, content := range d.snapshot() {
		if filepath.Base(path) != redeem.LedgerName+".kept" {
			t.Errorf("left %s with %d bytes", path, len(content))
		}
	}
	s := d.want(store.OK, "")
	o, err := s.ledgerOptions(d.dir, s.sealed)
	must(t, err)
	l, err := redeem.OpenLedger(t.Context(), o)
	must(t, err)
	defer func() { must(t, l.Close()) }()
	if all := l.Entries(); len(all) < 2 || all[len(all)-1].Kind != redeem.Unregistered {
		t.Errorf("the next ledger begins with %+v", all)
	}
	must(t, l.Verify())
}

func TestClone(t *testing.T) {
	copyOf := func(t *testing.T, on string) *device {
		d := newDevice(t)
		d.facts, d.clone = otherDevice(), on
		return d
	}
	t.Run("quarantine, adopted", func(t *testing.T) {
		d := copyOf(t, policy.Quarantine)
		before := d.snapshot()
		d.want(store.ForeignHost, fault.Quarantined)
		if diff := changed(before, d.snapshot()); len(diff) > 0 {
			t.Errorf("Open changed %q", diff)
		}
		if r, err := d.act(Adopt); err != nil || r.Counts != 0 {
			t.Errorf("got %+v, %v", r, err)
		}
		s := d.want(store.OK, "")
		if s.Binding() != Same {
			t.Errorf("bound: got %s", s.Binding())
		}
		if _, err := d.act(Adopt); err == nil {
			t.Error("adopted again")
		}
	})
	t.Run("quarantine, registered again", func(t *testing.T) {
		d := copyOf(t, "anything else")
		d.want(store.ForeignHost, fault.Quarantined)
		if r, err := d.act(RegisterAgain); err != nil || r.Counts != 3 {
			t.Errorf("got %+v, %v", r, err)
		}
		wantForgotten(t, d.want(store.OK, ""))
	})
	t.Run("policy adopts", func(t *testing.T) {
		d := copyOf(t, policy.AdoptClone)
		if _, _, err := d.want(store.OK, "").Store().Get(t.Context(), authTokenRecord); err != nil {
			t.Error(err)
		}
	})
	t.Run("policy registers again", func(t *testing.T) { wantForgotten(t, copyOf(t, policy.RegisterAgain).want(store.OK, "")) })
}

func wantForgotten(t *testing.T, s *Manager) {
	t.Helper()
	names, err := s.Store().List(t.Context())
	if want := []string{hostRecord, "registration/demo-host.com"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("left %q, %v, want %q", names, err, want)
	}
	if l, err := redeem.HasLedger(s.Dir); l || err != nil {
		t.Errorf("the ledger is still there: %v", err)
	}
}

func TestGoldenImage(t *testing.T) {
	d := newDevice(t)
	for _, past := range []string{"audit.jsonl", "audit.jsonl.1", "leases.jsonl", "policy.last.json", "unregistered", redeem.LedgerName + ".corrupt-1", ".new"} {
		must(t, os.WriteFile(filepath.Join(d.dir, past), []byte("of the earlier device"), 0o600))
	}
	if _, err := d.act(SealImage); err != nil {
		t.Fatal(err)
	}
	if left := d.snapshot(); len(left) != 1 || left[filepath.Join(d.dir, imageFile)] == "" {
		t.Errorf("left %q, want %s alone", slices.Collect(maps.Keys(left)), imageFile)
	}
	made := d.rings.made
	d.want(store.ForeignHost, fault.Quarantined)
	if d.rings.made != made {
		t.Error("a key was made in the image")
	}
	d.boot, d.facts = "boot-2", otherDevice()
	d.want(store.OK, "")
	d.want(store.OK, "")
}

func TestRekey(t *testing.T) {
	d := newDevice(t)
	old := bytes.Clone(d.rings.keys[d.dir])
	oldRecord := d.snapshot()[d.file(authTokenRecord)]
	if _, err := d.act(Rekey); err != nil {
		t.Fatal(err)
	}
	wantRekeyed(t, d, old, oldRecord)
}

func wantRekeyed(t *testing.T, d *device, old []byte, oldRecord string) {
	t.Helper()
	s := d.want(store.OK, "")
	if bytes.Equal(d.rings.keys[d.dir], old) || len(d.rings.keys) != 1 {
		t.Errorf("the keyring has %d keys, or the old one", len(d.rings.keys))
	}
	if d.snapshot()[d.file(authTokenRecord)] == oldRecord {
		t.Error("the record is sealed as before")
	}
	wantWhole(t, s)
}

// wantWhole looks for all that newDevice has made.
func wantWhole(t *testing.T, s *Manager) {
	t.Helper()
	for i := 1; i <= 3; i++ {
		if b, _, err := s.sealed.Get(t.Context(), fmt.Sprintf("auth-token/demo-host.com/cad/%d", i)); string(b) != "token" || err != nil {
			t.Errorf("cad/%d: got %q, %v", i, b, err)
		}
	}
	o, err := s.ledgerOptions(s.Dir, s.sealed)
	must(t, err)
	l, err := redeem.OpenLedger(t.Context(), o)
	must(t, err)
	if n := len(l.Entries()); n != 3 {
		t.Errorf("the ledger has %d entries, want 3", n)
	}
	must(t, l.Close())
	if _, err := os.Stat(s.path(rekeyDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left %s: %v", rekeyDir, err)
	}
}

// TestRekeyInterrupted breaks the exchange at every call of the keyring, which
// stands between all of its steps. The next start finds the store whole, under
// the one key or the other.
func TestRekeyInterrupted(t *testing.T) {
	broken := errors.New("the power went")
	for at := 1; ; at++ {
		d := newDevice(t)
		n := 0
		s := d.open()
		d.rings.fail = func(string) error {
			if n++; n >= at {
				return broken
			}
			return nil
		}
		_, err := s.Execute(t.Context(), Rekey)
		d.rings.fail = nil
		must(t, s.Close())
		wantWhole(t, d.want(store.OK, ""))
		if len(d.rings.keys) != 1 {
			t.Errorf("at call %d: %d keys are left", at, len(d.rings.keys))
		}
		if err == nil {
			if at < 4 {
				t.Errorf("only %d calls were broken", at-1)
			}
			return
		}
	}
}

func TestDrill(t *testing.T) {
	d := newDevice(t)
	s := d.open()
	before, made := d.snapshot(), d.rings.made
	r, err := s.Drill(t.Context())
	if err != nil || !r.Done || len(r.Steps) != len(scenarios()) {
		t.Fatalf("got %+v, %v", r, err)
	}
	for _, step := range r.Steps {
		if !step.Passed || step.Message == "" || strings.Contains(step.Message, drillDir+"/") {
			t.Errorf("%s: %s, %q", step.Name, step.State, step.Message)
		}
		t.Logf("%-60s %-13s %d  %s", step.Name, step.State, step.Counts, step.Message)
	}
	if diff := changed(before, d.snapshot()); len(diff) > 0 || d.rings.made != made {
		t.Errorf("the drill changed %q, made %d keys", diff, d.rings.made-made)
	}
}

// TestForgetKeyTimeout: a keyring that does not answer is not waited for longer
// than a person would.
func TestForgetKeyTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := New(Deps{Keyring: silentKeyring{}})
		if err := s.ForgetKey(t.Context()); fault.KindOf(err) != fault.StoreLocked {
			t.Errorf("got %v, want %s", err, fault.StoreLocked)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// silentKeyring is a keyring that never answers.
type silentKeyring struct{ Keyring }

func (silentKeyring) Delete(ctx context.Context) error {
	<-ctx.Done()
	return fmt.Errorf("%w: %w", store.ErrLocked, ctx.Err())
}
