package peer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// image identifies an executable file. The kernel reuses the inode number of a deleted
// file, but the new file has another time of birth. The zero image means that this process
// may not see it.
type image struct {
	dev, ino uint64
	birth    unix.StatxTimestamp
}

// target is a process, with the facts that later checks compare.
type target struct {
	*Process
	exe   string // its link in /proc
	image image  // the executable when the process was identified
	trust trust  // for IsExecutable
}

// newTarget returns a target that owns held.
func newTarget(pid int, held *Process) target {
	return target{Process: held, exe: procPath(pid, "exe"), trust: trust{root: "/", TrustedWriters: TrustedWriters{UIDs: []uint32{0}}}}
}

const imageMask = unix.STATX_BASIC_STATS | unix.STATX_BTIME

func imageOf(st *unix.Statx_t) image { return image{device(st), st.Ino, st.Btime} }

func device(st *unix.Statx_t) uint64 { return unix.Mkdev(st.Dev_major, st.Dev_minor) }

// readImage returns the image that the process runs now. For another user's process it
// needs root or CAP_SYS_PTRACE. Without them the image is unknown, and no rule about
// executables accepts it.
func (p *Peer) readImage() (image, error) { return lookAt(p, imageAt) }

func imageAt(link string) (image, error) {
	var st unix.Statx_t
	err := statx(link, &st)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return image{}, nil
	case err != nil:
		return image{}, fmt.Errorf("read attributes of %s: %w", link, err)
	}
	return imageOf(&st), nil
}

// statx is [unix.Statx], without an allocation for the path.
func statx(link string, st *unix.Statx_t) error {
	var path [maxLink]byte
	if copy(path[:maxLink-1], link) < len(link) {
		return unix.ENAMETOOLONG
	}
	cwd := unix.AT_FDCWD
	name, into := unsafe.Pointer(&path[0]), unsafe.Pointer(st) //nolint:gosec // the system call takes addresses
	_, _, errno := unix.Syscall6(unix.SYS_STATX, uintptr(cwd), uintptr(name), unix.AT_STATX_DONT_SYNC, imageMask, uintptr(into), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// maxLink is longer than each path below /proc here, in bytes.
const maxLink = 64

// lookAt calls look with the link to the process's executable. If the first thread has
// ended, its link is gone, so lookAt tries the other threads. They run the same program.
func lookAt[T any](p *Peer, look func(link string) (T, error)) (T, error) {
	seen, err := look(p.process.exe)
	if !errors.Is(err, fs.ErrNotExist) {
		return seen, err
	}
	threads, _ := os.ReadDir(p.proc("task")) // none if the process has exited
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
	defer func() { _ = f.close() }() // read only
	now, err := p.readImage()        // while f is open, the kernel does not reuse its inode
	if err != nil {
		return false, p.goneOr(err).Error()
	}
	switch {
	case now == image{}:
		return false, "regentd cannot see the program of the process; it needs CAP_SYS_PTRACE"
	case now != imageOf(&f.st):
		return false, "it runs another file, " + p.Exe
	}
	if err := p.recheck(); err != nil {
		return false, err.Error()
	}
	return true, ""
}

// openImage opens the image that the process runs.
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
		return version{}, fmt.Errorf("read attributes of %s: %w", f.Name(), err)
	}
	return version{device(&st), st.Ino, st.Size, st.Ctime.Sec*1e9 + int64(st.Ctime.Nsec)}, nil
}
