package client_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"regent/ipc/client"
	"regent/platform/localsock"
)

const (
	dialEnv  = "CLIENT_TEST_DIAL"  // the socket that the test binary is to dial
	trustEnv = "CLIENT_TEST_TRUST" // the socket whose trust it is to have
	stageEnv = "CLIENT_TEST_STAGE" // set in the mount namespace where the places are made
)

// TestMain lets the test binary be the client in a user namespace too.
func TestMain(m *testing.M) {
	if socket := os.Getenv(dialEnv); socket != "" {
		c, err := client.DialChecked(context.Background(), socket, client.TrustFor(os.Getenv(trustEnv)))
		if err != nil {
			fmt.Println(err)
			os.Exit(0)
		}
		fmt.Println("reached", errors.Join(c.Close()))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// commandInNamespaces is the test binary in new namespaces.
func commandInNamespaces(t *testing.T, attr syscall.SysProcAttr, args []string, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &attr
	return cmd
}

// TestUserNamespace runs itself in a mount namespace of its own: a folder of which
// nobody but root can change a name above takes a mount, since the directory for
// temporary files is below a sticky one.
func TestUserNamespace(t *testing.T) {
	if os.Getenv(stageEnv) != "" {
		testNamespacePlaces(t)
		return
	}
	attr := syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	if os.Getuid() != 0 {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = singleIDMap(0)
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := commandInNamespaces(t, attr, []string{"-test.run=^TestUserNamespace$", "-test.v"}, stageEnv+"=1").CombinedOutput()
	t.Logf("in a mount namespace of its own:\n%s", out)
	if os.Getuid() != 0 && errors.Is(err, fs.ErrPermission) {
		t.Skip("this system lets only root make user namespaces; run this test as root:", err)
	}
	if err != nil {
		t.Error(err)
	}
}

// testNamespacePlaces is the test proper. All listeners are of this process's user; what each
// client's namespace says of that user makes the difference.
func testNamespacePlaces(t *testing.T) {
	root := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	run := filepath.Dir(filepath.Dir(localsock.DefaultPath))
	for _, dir := range []string{root, run} {
		must(unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"))
		t.Cleanup(func() { must(unix.Unmount(dir, unix.MNT_DETACH)) })
	}
	place := func(name string, mode fs.FileMode) string {
		t.Helper()
		dir := name
		if !filepath.IsAbs(name) {
			dir = filepath.Join(root, name)
		}
		must(os.Mkdir(dir, 0o700))
		ln, err := localsock.Listen(filepath.Join(dir, "agent.sock"))
		must(err)
		must(os.Chmod(dir, mode))            // now, since nobody listens where others can write
		t.Cleanup(func() { _ = ln.Close() }) // the mount may be gone by then
		go accept(ln)
		return dir
	}
	var (
		regent = place(filepath.Dir(localsock.DefaultPath), 0o755)
		closed = place("closed", 0o700)
		sticky = place("sticky", 0o777|fs.ModeSticky)
		group  = place("group", 0o775)
		alices = place("alices", 0o755)
		inside = filepath.Join(sticky, "mounted")
	)
	must(os.Symlink(filepath.Join(regent, "agent.sock"), filepath.Join(sticky, "link.sock")))
	must(os.Symlink(localsock.DefaultPath, filepath.Join(run, "link.sock")))
	must(os.Mkdir(inside, 0o755))
	must(unix.Mount(regent, inside, "", unix.MS_BIND, ""))
	nobody := []syscall.SysProcIDMap(nil) // unshare -U
	// Who runs this test is root, or root of a namespace made for it.
	ownRoot := "reached"
	var top unix.Stat_t
	must(unix.Stat("/", &top))
	if top.Uid != 0 {
		ownRoot = "uid 0 listens there, root of this user namespace only"
	}
	rows := []struct {
		name, socket string
		ids          []syscall.SysProcIDMap
		installed    bool // with the trust of the installed socket
		want         string
	}{
		{"unshare -U", regent, nobody, true, "reached"},
		{"unshare -U, not the installed one", regent, nobody, false, "reached"},
		{"unshare -Ur: root's listener is root, where the root directory is root's", sticky, singleIDMap(0), true, ownRoot},
		{"unshare -Ur: a daemon of one's own", sticky, singleIDMap(0), false, "reached"},
		{"a closed folder of some user outside", closed, nobody, true, "any user outside could listen at"},
		{"the same, not the installed one", closed, nobody, false, "any user outside could listen at"},
		{"the installed one by another of its names", filepath.Join(run, "link.sock"), nobody, false, "reached"},
		{"--map-user: an impostor that has a number", regent, singleIDMap(1000), true, "uid 1000 listens there"},
		{"--map-user: a daemon of one's own", sticky, singleIDMap(1000), false, "reached"},
		{"nobody has the number of the others", regent, singleIDMap(65534), true, "in this user namespace"},
		{"a sticky folder", sticky, nobody, true, "sticky may be written by every user"},
		{"a sticky folder, not the installed one", sticky, nobody, false, "may be written by every user"},
		{"a folder of a group", group, nobody, true, "group may be written by its group"},
		{"mounted below a sticky folder", inside, nobody, true, "any user outside could listen at"},
		{"a link in a sticky folder", filepath.Join(sticky, "link.sock"), nobody, true, "reached"},
	}
	if os.Getuid() == 0 && os.Chown(alices, 1000, -1) == nil { // a user namespace of one id has no other owner
		rows = append(rows, rows[0])
		last := &rows[len(rows)-1]
		last.name, last.socket, last.want = "a folder of a user who has a number", alices, "alices belongs to uid 1000"
		last.ids = []syscall.SysProcIDMap{{ContainerID: 1000, HostID: 1000, Size: 1}}
	}
	for _, tt := range rows {
		if filepath.Ext(tt.socket) != ".sock" {
			tt.socket = filepath.Join(tt.socket, "agent.sock")
		}
		trust := tt.socket
		if tt.installed {
			trust = localsock.DefaultPath
		}
		out, err := commandInNamespaces(t, syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, UidMappings: tt.ids}, nil, dialEnv+"="+tt.socket, trustEnv+"="+trust).CombinedOutput()
		must(err)
		if got := string(out); !strings.Contains(got, tt.want) || strings.Contains(got, "reached") != (tt.want == "reached") {
			t.Errorf("%s: %swant %q", tt.name, got, tt.want)
		} else if tt.want != "reached" && !strings.Contains(got, "nothing was sent to "+tt.socket) {
			t.Errorf("%s: %swant the path", tt.name, got)
		}
	}
}

// singleIDMap maps one number to the user of this process.
func singleIDMap(id int) []syscall.SysProcIDMap {
	return []syscall.SysProcIDMap{{ContainerID: id, HostID: os.Getuid(), Size: 1}}
}

func accept(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		_ = c.Close() // nobody says a word
	}
}
