package tokenfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hasWriter reports whether another process has f open for writing, and whether that is
// known. In that case a read lease (fcntl(2), F_SETLEASE) fails with EAGAIN. It needs the
// file's owner or CAP_LEASE. After a success hasWriter releases the lease at once, so that
// it never has to answer a lease break.
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
		unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK) //nolint:errcheck,gosec // closing f also releases it
		return false, true
	}
	return errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EAGAIN)
}

// isRemoteFileSystem reports whether a file system can return EAGAIN for other reasons, for
// example without a delegation from the server, or has writers on other machines.
func isRemoteFileSystem(kind uint32) bool {
	switch kind {
	case unix.NFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC,
		unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC, unix.V9FS_MAGIC, unix.FUSE_SUPER_MAGIC:
		return true
	}
	return false
}

// isReadOnlyMount reports whether path is on a read-only mount.
func isReadOnlyMount(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Flags&unix.ST_RDONLY != 0
}

// isMountPoint reports whether path itself is a mount, like many secrets in containers.
// Linux reports it since 5.8.
func isMountPoint(path string) bool {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, &st)
	return err == nil && st.Attributes&st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// changeTime returns the time of the last change of content or attributes, which nobody can
// set. It is zero if the system does not report it.
func changeTime(info fs.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return time.Time{}
}
