package tokenfile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"regent/platform/files"
)

// A registration token that is written in two pieces is taken whole, however
// long the writer rests in between.
func TestWatcherWaitsWhileAFileIsOpenForWriting(t *testing.T) {
	for _, gap := range []time.Duration{500 * time.Millisecond, time.Second, 3 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			path := writeTokenFile(t, "")
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			var all []string
			taken := func() []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(all) }
			poll(t, NewWatcher(Deps{Paths: func() []string { return []string{path} }, Now: time.Now, Log: slog.New(slog.DiscardHandler), OnFile: func(_ context.Context, path string) error {
				token, id, err := Read(path, parse)
				if err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				all = append(all, string(token))
				return Remove(path, id)
			}}))
			for _, piece := range []string{"first", "second"} {
				if _, err := f.WriteString(piece); err != nil {
					t.Fatal(err)
				}
				advance(gap)
			}
			if took := taken(); len(took) > 0 {
				t.Fatalf("gap %v: took %q of an open file", gap, took)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			advance(10 * time.Second)
			if took := taken(); len(took) != 1 || took[0] != "firstsecond" {
				t.Errorf("gap %v: took %q, want the whole", gap, took)
			}
		})
	}
}

func TestReadWhileItIsWritten(t *testing.T) {
	path := writeTokenFile(t, "bad") // not refused before it is whole
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Read(path, parse); !errors.Is(err, ErrBusy) {
		t.Errorf("open for writing: got %v, want %v", err, ErrBusy)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Read(path, parse); err == nil || !strings.Contains(err.Error(), "is bad") {
		t.Errorf("closed: got %v", err)
	}
}

// Whether somebody writes is not known of everything; such a file has to keep
// still for longer.
func TestIsComplete(t *testing.T) {
	path := writeTokenFile(t, sample)
	for _, tt := range []struct {
		kept time.Duration
		want bool
	}{{0, false}, {SettleTime - 1, false}, {SettleTime, true}, {SettleTimeUnknownWriter, true}} {
		if got := isComplete(path, tt.kept); got != tt.want {
			t.Errorf("kept still for %v: got %v, want %v", tt.kept, got, tt.want)
		}
	}
	if dir := t.TempDir(); isComplete(dir, SettleTime) || !isComplete(dir, SettleTimeUnknownWriter) {
		t.Error("a file whose writers are not known is not waited for longer")
	}
}

// entry is one of an access list, as linux/posix_acl_xattr.h has it.
func entry(tag, bits uint16, id uint32) []byte {
	b := binary.LittleEndian.AppendUint16(nil, tag)
	b = binary.LittleEndian.AppendUint16(b, bits)
	return binary.LittleEndian.AppendUint32(b, id)
}

func list(entries ...[]byte) []byte {
	return append([]byte{2, 0, 0, 0}, bytes.Join(entries, nil)...)
}

// A file that this process may read by an access list, and nobody else, is read,
// although its mode is 0440.
func TestReadByAccessList(t *testing.T) {
	const none = 1<<32 - 1
	path := writeTokenFile(t, sample)
	l := list(entry(0x01, 6, none), entry(0x02, 4, uint32(os.Geteuid())), entry(0x04, 0, none), entry(0x10, 4, none), entry(0x20, 0, none))
	if err := unix.Setxattr(path, files.ACLAttribute, l, 0); err != nil {
		t.Skipf("no access lists in %s: %v", path, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Fatalf("got %v, %v", info.Mode(), err)
	}
	if _, _, err := Read(path, parse); err != nil {
		t.Error(err)
	}
}

// A file that is a mount of its own is known before anybody tries to erase it.
func TestIsUnremovable(t *testing.T) {
	path := writeTokenFile(t, sample)
	if IsUnremovable(path) {
		t.Fatal("an ordinary file")
	}
	if err := unix.Mount(path, path, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("only root can mount: %v", err)
	}
	defer unix.Unmount(path, unix.MNT_DETACH)
	if !IsUnremovable(path) || IsReadOnly(path) {
		t.Errorf("a mount: got pinned %v, fixed %v", IsUnremovable(path), IsReadOnly(path))
	}
	_, id, err := Read(path, parse)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Clear(path, id, false, nil); !errors.Is(err, ErrUnremovable) {
		t.Errorf("got %v, want %v", err, ErrUnremovable)
	}
}

func TestLinkAdvice(t *testing.T) {
	path := writeTokenFile(t, sample)
	if err := os.Link(path, path+".copy"); err != nil {
		t.Fatal(err)
	}
	_, id, err := Read(path, parse)
	if err != nil {
		t.Fatal(err)
	}
	if got := id.LinkAdvice(path); !strings.Contains(got, "one of 2 names") || !strings.Contains(got, "-xdev -inum ") {
		t.Errorf("got %q", got)
	}
	remove(t, path)
	if _, id, err = Read(path+".copy", parse); err != nil || id.LinkAdvice(path) != "" {
		t.Errorf("one name: got %q, %v", id.LinkAdvice(path), err)
	}
}
