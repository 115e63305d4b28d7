package filewatch

import "golang.org/x/sys/unix"

// isLocalFileSystem reports whether all changes of a file system pass through this kernel.
// inotify(7) reports no others. Network file systems, FUSE and overlays do not count.
func isLocalFileSystem(dir string) bool {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return false
	}
	switch uint32(st.Type) { //nolint:gosec // statfs(2) defines them as 32 bits, whatever the field has
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC,
		unix.TMPFS_MAGIC, unix.RAMFS_MAGIC, zfsMagic:
		return true
	}
	return false
}

const zfsMagic = 0x2fc12fc1 // not in the kernel's list, since ZFS is not in the kernel

// isSameMount reports whether two paths are on the same mount. Before Linux 5.8 this is
// unknown.
func isSameMount(a, b string) bool {
	at, known := mountID(a)
	bt, alsoKnown := mountID(b)
	return known && alsoKnown && at == bt
}

func mountID(path string) (id uint64, known bool) {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW|unix.AT_STATX_DONT_SYNC, unix.STATX_MNT_ID, &st)
	return st.Mnt_id, err == nil && st.Mask&unix.STATX_MNT_ID != 0
}
