package tokenfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hasWriter reports whether somebody has f open for writing, and whether that is
// known. A read lease (fcntl(2), F_SETLEASE) fails with EAGAIN then. It may be
// asked for by the file's owner and with CAP_LEASE. Where it succeeds it is given
// back at once: it would have to be answered for.
func hasWriter(f *os.File) (open, known bool) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil || isRemoteFileSystem(uint32(st.Type)) { //nolint:gosec // statfs(2) defines it as 32 bits
		return false, false
	}
	if st.Flags&unix.ST_RDONLY != 0 {
		return false, true
	}
	_, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	if err == nil {
		unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK) //nolint:errcheck,gosec // closing f gives it back as well
		return false, true
	}
	return errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EAGAIN)
}

// isRemoteFileSystem knows the file systems that answer EAGAIN for reasons of their own, as
// without a delegation of the server's, and where others write unseen.
func isRemoteFileSystem(kind uint32) bool {
	switch kind {
	case unix.NFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC,
		unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC, unix.V9FS_MAGIC, unix.FUSE_SUPER_MAGIC:
		return true
	}
	return false
}

// isReadOnlyMount reports whether path is on a mount that is read-only.
func isReadOnlyMount(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Flags&unix.ST_RDONLY != 0
}

// isMountPoint reports whether path itself is a mount, as a container's secret often
// is. Linux says so since 5.8.
func isMountPoint(path string) bool {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, &st)
	return err == nil && st.Attributes&st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// changeTime returns when the file's content or attributes last changed, which
// nobody can set back; zero where the system does not say.
func changeTime(info fs.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return time.Time{}
}
