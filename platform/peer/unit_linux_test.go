package peer

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// fakeUnit is a cgroup of the wanted version, as far as it is files.
func fakeUnit(t *testing.T, files map[string]string) (root string, u *Unit) {
	t.Helper()
	root = t.TempDir()
	for name, content := range files {
		file := filepath.Join(root, "system.slice/cad.service", name)
		mustSucceed(t, os.MkdirAll(filepath.Dir(file), 0o755))
		mustSucceed(t, os.WriteFile(file, []byte(content), 0o644))
	}
	u, err := openUnit(root, "/system.slice/cad.service")
	mustSucceed(t, err)
	t.Cleanup(func() { mustSucceed(t, u.Close()) })
	return root, u
}

func TestUnitAlive(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  error
	}{
		{"version 2", map[string]string{"cgroup.events": "populated 1\nfrozen 0\n"}, nil},
		{"version 2, empty", map[string]string{"cgroup.events": "populated 0\nfrozen 1\n"}, ErrGone},
		{"version 1", map[string]string{"cgroup.procs": "42\n"}, nil},
		{"version 1, below", map[string]string{"cgroup.procs": "", "a/cgroup.procs": "", "a/b/cgroup.procs": "7\n"}, nil},
		{"version 1, empty", map[string]string{"cgroup.procs": "", "a/cgroup.procs": ""}, ErrGone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, u := fakeUnit(t, tt.files)
			if u.Name != "cad.service" || u.ID == 0 {
				t.Errorf("unit %+v", u)
			}
			hold, err := u.Duplicate()
			mustSucceed(t, err)
			for _, h := range []*Unit{u, hold} {
				if err := h.Alive(); !errors.Is(err, tt.want) {
					t.Errorf("Alive = %v, want %v", err, tt.want)
				}
			}
			mustSucceed(t, os.RemoveAll(filepath.Join(root, "system.slice")))
			if err := u.Alive(); !errors.Is(err, ErrGone) {
				t.Errorf("Alive after it was removed = %v, want ErrGone", err)
			}
			mustSucceed(t, errors.Join(hold.Close(), hold.Close()))
			if err := hold.Alive(); err == nil {
				t.Error("a closed hold says that the unit lives")
			}
		})
	}
	if _, err := openUnit(t.TempDir(), "/../etc"); err == nil {
		t.Error("a path that leaves the tree was opened")
	}
}

// The whole way with a cgroup of the kernel's.
func TestOpenUnit(t *testing.T) {
	tree := cgroups + treeOf(cgroups, named(t))
	dir := filepath.Join(tree, "regent-test-"+strconv.Itoa(os.Getpid())+".service")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skip("making a cgroup takes root and a tree that is not read-only:", err)
	}
	t.Cleanup(func() { os.Remove(dir) })
	o := start(t, self(t), nil)
	p := peerOf(t, o)
	join(t, dir, o.cmd.Process.Pid)
	u, err := p.OpenUnit()
	mustSucceed(t, err)
	defer u.Close()
	if want := filepath.Base(dir); u.Name != want {
		t.Errorf("unit %q, want %q", u.Name, want)
	}
	other := exec.CommandContext(t.Context(), "sleep", "60")
	mustSucceed(t, other.Start())
	join(t, dir, other.Process.Pid)
	o.exit(t, p)
	again, err := OpenUnit(u.Cgroup, u.ID)
	mustSucceed(t, err)
	defer again.Close()
	if err := errors.Join(u.Alive(), again.Alive()); err != nil {
		t.Errorf("another process of the unit lives: %v", err)
	}
	if _, err := OpenUnit(u.Cgroup, u.ID+1); !errors.Is(err, ErrGone) {
		t.Errorf("OpenUnit of another one with the same path = %v, want ErrGone", err)
	}
	mustSucceed(t, other.Process.Kill())
	_ = other.Wait() // it was killed
	o.cmd.Wait()
	if err := u.Alive(); !errors.Is(err, ErrGone) {
		t.Errorf("Alive without a process = %v, want ErrGone", err)
	}
	if _, err := OpenUnit(u.Cgroup, u.ID); !errors.Is(err, ErrGone) {
		t.Errorf("OpenUnit without a process = %v, want ErrGone", err)
	}
}

// named reports whether this process's cgroup is that of version 1.
func named(t *testing.T) bool {
	t.Helper()
	b, err := os.ReadFile("/proc/self/cgroup")
	mustSucceed(t, err)
	return strings.Contains(string(b), ":name=systemd:/") && !strings.Contains(string(b), ":name=systemd:/\n")
}

func join(t *testing.T, dir string, pid int) {
	t.Helper()
	mustSucceed(t, os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644))
}
