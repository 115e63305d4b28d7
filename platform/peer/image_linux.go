package peer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// image tells one executable file from every other, now and later: an inode
// number is used again once its file is gone, but then with another birth. The
// zero image is one that may not be seen.
type image struct {
	dev, ino uint64
	birth    unix.StatxTimestamp
}

// target is a process with what its executable is compared with later.
type target struct {
	*Process
	exe   string // its link in /proc
	image image  // the executable at the time of Of
	trust trust  // what a path must be for IsExecutable to believe it
}

// newTarget makes one of a hold, which it owns from now on.
func newTarget(pid int, held *Process) target {
	return target{Process: held, exe: procPath(pid, "exe"), trust: trust{root: "/", TrustedWriters: TrustedWriters{UIDs: []uint32{0}}}}
}

const imageMask = unix.STATX_BASIC_STATS | unix.STATX_BTIME

func imageOf(st *unix.Statx_t) image { return image{device(st), st.Ino, st.Btime} }

func device(st *unix.Statx_t) uint64 { return unix.Mkdev(st.Dev_major, st.Dev_minor) }

// readImage looks at what the process runs now. Looking takes root or
// CAP_SYS_PTRACE for another user's process, and without them the image is
// unknown, which no rule about executables accepts.
func (p *Peer) readImage() (image, error) { return lookAt(p, imageAt) }

func imageAt(link string) (image, error) {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, link, unix.AT_STATX_DONT_SYNC, imageMask, &st)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return image{}, nil
	case err != nil:
		return image{}, fmt.Errorf("look at %s: %w", link, err)
	}
	return imageOf(&st), nil
}

// lookAt looks at the process' link to its executable. A process whose first
// thread has ended lives on, and has none; but its other threads have, which run
// the same.
func lookAt[T any](p *Peer, look func(link string) (T, error)) (T, error) {
	seen, err := look(p.process.exe)
	if !errors.Is(err, fs.ErrNotExist) {
		return seen, err
	}
	threads, _ := os.ReadDir(p.proc("task")) // none if it is gone
	for _, t := range threads {
		if seen, err := look(p.proc("task/" + t.Name() + "/exe")); err == nil {
			return seen, nil
		}
	}
	return seen, err
}

func (p *Peer) isExecutable(path string) (bool, string) {
	f, err := p.process.trust.open(path)
	if err != nil {
		return false, err.Error()
	}
	defer func() { _ = f.close() }() // it was only looked at
	now, err := p.readImage()        // while f is open, its inode is not used again
	if err != nil {
		return false, p.goneOr(err).Error()
	}
	switch {
	case now == image{}:
		return false, "the daemon may not see what the process runs; it needs CAP_SYS_PTRACE for that"
	case now != imageOf(&f.st):
		return false, "it runs another file, " + p.Exe
	}
	if err := p.recheck(); err != nil {
		return false, err.Error()
	}
	return true, ""
}

// openImage opens what the process runs.
func (p *Peer) openImage() (*os.File, error) {
	f, err := lookAt(p, os.Open)
	if err != nil {
		return nil, p.goneOr(err)
	}
	return f, nil
}

func versionOf(f *os.File) (version, error) {
	var st unix.Statx_t
	if err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS, &st); err != nil {
		return version{}, fmt.Errorf("look at %s: %w", f.Name(), err)
	}
	return version{device(&st), st.Ino, st.Size, st.Ctime.Sec*1e9 + int64(st.Ctime.Nsec)}, nil
}
