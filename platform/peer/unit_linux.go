package peer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// cgroups is the mount point of the kernel's cgroup tree. Tests use another directory.
const cgroups = "/sys/fs/cgroup"

// Unit is a handle of a unit of the service manager: of its cgroup. The cgroup has processes
// while the unit runs. It is safe for concurrent use.
type Unit struct {
	Name   string // "cad-render.service"
	Cgroup string // with ID, unique within one boot
	ID     uint64 // unique among the cgroups of this boot
	dir    *os.Root
}

func (p *Peer) openUnit() (*Unit, error) {
	in, err := p.membership()
	if err != nil {
		return nil, err
	}
	_, own, err := unitOf(in.path)
	if err != nil {
		return nil, err
	}
	return openUnit(cgroups, treeOf(cgroups, in.named)+own)
}

// treeOf returns the mount point, relative to root, of a hierarchy. The unified hierarchy
// is mounted alone, or next to those of version 1.
func treeOf(root string, named bool) string {
	if named {
		return "/systemd"
	}
	if _, err := os.Stat(path.Join(root, "unified")); err == nil {
		return "/unified"
	}
	return ""
}

func reopenUnit(cgroup string, id uint64) (*Unit, error) {
	u, err := openUnit(cgroups, cgroup)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open unit: %w", ErrGone)
	}
	if err != nil {
		return nil, err
	}
	if u.ID != id {
		err = fmt.Errorf("cgroup %s is %d, not %d: %w", cgroup, u.ID, id, ErrGone)
	} else {
		err = u.Alive()
	}
	if err != nil {
		return nil, errors.Join(err, u.Close())
	}
	return u, nil
}

func openUnit(root, cgroup string) (*Unit, error) {
	if path.Clean(cgroup) != cgroup || !path.IsAbs(cgroup) {
		return nil, fmt.Errorf("open unit: %.80q is not a clean path of a cgroup", cgroup)
	}
	dir, err := os.OpenRoot(root + cgroup)
	if err != nil {
		return nil, fmt.Errorf("open unit: %w", err)
	}
	st, err := dir.Stat(".")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open unit: %w", err), dir.Close())
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, errors.Join(errors.New("open unit: [unexpected] the directory has no inode"), dir.Close())
	}
	return &Unit{Name: unescaped(path.Base(cgroup)), Cgroup: cgroup, ID: sys.Ino, dir: dir}, nil
}

// Slices returns the slices of the unit, the innermost first.
func (u *Unit) Slices() []string { return slicesOf(u.Cgroup) }

// Alive returns an error that wraps [ErrGone] once the unit has no process left, and
// [ErrClosed] after Close.
func (u *Unit) Alive() error {
	events, err := u.dir.ReadFile("cgroup.events") // version 2
	switch {
	case err == nil:
		if strings.Contains(string(events), "populated 1") {
			return nil
		}
		return ErrGone
	case errors.Is(err, os.ErrClosed):
		return ErrClosed
	}
	return u.populated()
}

// populated searches each cgroup below for a process: cgroup version 1 has no file that
// says it.
func (u *Unit) populated() error {
	gone := ErrGone
	// An unreadable cgroup was removed and has no process. WalkDir returns no other
	// error.
	_ = fs.WalkDir(u.dir.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil //nolint:nilerr // see above
		}
		if procs, err := u.dir.ReadFile(path.Join(name, "cgroup.procs")); err != nil || len(procs) == 0 {
			return nil //nolint:nilerr // see above
		}
		gone = nil
		return fs.SkipAll
	})
	return gone
}

// Duplicate returns a second, independent handle of the unit. The caller closes it.
func (u *Unit) Duplicate() (*Unit, error) {
	dir, err := u.dir.OpenRoot(".")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrGone
	}
	if err != nil {
		return nil, fmt.Errorf("duplicate unit: %w", err)
	}
	return &Unit{u.Name, u.Cgroup, u.ID, dir}, nil
}

// Close closes this handle.
func (u *Unit) Close() error { return u.dir.Close() }

// Number returns 0: a unit is no process.
func (*Unit) Number() uint64 { return 0 }
