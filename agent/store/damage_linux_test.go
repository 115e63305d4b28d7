package store_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"regent/agent/store"
)

// TestFIFOIsRefused would hang if the store opened it.
func TestFIFOIsRefused(t *testing.T) {
	dir, file := damaged(t, func(t *testing.T, file string) {
		must(t, os.Remove(file))
		must(t, syscall.Mkfifo(file, 0o600))
	})
	wantRefused(t, dir, file, store.ErrKey)
}

// TestUmask creates files under the widest umask.
func TestUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	TestModesDoNotDependOnTheUmask(t)
}

// TestProbeOnFullAndReadOnlyDisk is the real thing, on a file system of its own.
func TestProbeOnFullAndReadOnlyDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("regent-test", dir, "tmpfs", 0, "size=128k,mode=700"); err != nil {
		t.Skipf("needs the right to mount: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	s := open(t, dir)
	mustPut(t, s, "a", "one", 0)
	must(t, s.Probe(t.Context()))

	if err := os.WriteFile(dir+"/ballast", make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the disk: got %v, want %v", err, syscall.ENOSPC)
	}
	wantProbe(t, s, dir, syscall.ENOSPC, "free space")
	if _, err := s.Put(t.Context(), "a", make([]byte, 64<<10), 1); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Put on a full disk: got %v, want %v", err, syscall.ENOSPC)
	}
	must(t, os.Remove(dir+"/ballast"))
	must(t, s.Probe(t.Context()))

	must(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	wantProbe(t, s, dir, syscall.EROFS, "make the file system writable")
	if value, v, err := s.Get(t.Context(), "a"); string(value) != "one" || v != 1 || err != nil {
		t.Errorf("Get afterwards: got %q at %d, %v, want the old record", value, v, err)
	}
	if left, err := fs.Glob(os.DirFS(dir), "records/t-*"); len(left) > 0 || err != nil {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func wantProbe(t *testing.T, s *store.Sealed, dir string, cause error, advice string) {
	t.Helper()
	err := s.Probe(t.Context())
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), advice) || !strings.Contains(err.Error(), dir) {
		t.Errorf("Probe: got %v, want %v, %q and the directory", err, cause, advice)
	}
}
