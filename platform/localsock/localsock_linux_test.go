package localsock_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// The kernel's own record of what happened to the name: it appears once, by a
// move, and nothing is done to it afterwards. A socket that is bound in place
// shows as created, and one whose mode is mended as changed.
func TestSocketModeIsAtomic(t *testing.T) {
	dir := t.TempDir()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_ALL_EVENTS); err != nil {
		t.Fatal(err)
	}
	listen(t, filepath.Join(dir, "agent.sock"))
	got := events(t, fd, "agent.sock")
	if diff := cmp.Diff(got, []uint32{unix.IN_MOVED_TO}); diff != "" {
		t.Errorf("events of the socket (-got +want):\n%s", diff)
	}
	st, err := os.Lstat(filepath.Join(dir, "agent.sock"))
	if err != nil || st.Mode().Perm() != 0o666 {
		t.Errorf("mode = %v, %v; want 0666", st.Mode(), err)
	}
}

func events(t *testing.T, fd int, name string) (masks []uint32) {
	t.Helper()
	buf := make([]byte, 64<<10)
	n, err := unix.Read(fd, buf)
	if err != nil {
		t.Fatal(err)
	}
	for b := buf[:n]; len(b) > 0; {
		mask, size := binary.NativeEndian.Uint32(b[4:]), binary.NativeEndian.Uint32(b[12:])
		b = b[unix.SizeofInotifyEvent:]
		if string(bytes.TrimRight(b[:size], "\x00")) == name {
			masks = append(masks, mask)
		}
		b = b[size:]
	}
	return masks
}
