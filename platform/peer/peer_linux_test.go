package peer

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestIdentify(t *testing.T) {
	exe := copySelf(t, filepath.Join(t.TempDir(), "a) R 1 (b")) // a name that a careless parser of stat trips over
	o := start(t, exe, nil)
	p := peerOf(t, o)
	st, err := readStat(o.cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if own, err := readStat(os.Getpid()); err != nil || st.start < own.start {
		t.Errorf("child started at %d, before its parent at %d (%v)", st.start, own.start, err)
	}
	want := Identity{
		UID: strconv.Itoa(os.Getuid()), GIDs: groups(t),
		PID: o.cmd.Process.Pid, ParentPID: os.Getpid(), Start: st.start, Exe: exe,
	}
	if diff := cmp.Diff(p.Identity, want); diff != "" {
		t.Errorf("Of (-got +want):\n%s", diff)
	}
	if err := p.Recheck(); err != nil {
		t.Errorf("Recheck while it runs: %v", err)
	}
}

func groups(t *testing.T) []string {
	t.Helper()
	ids, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	all := []string{strconv.Itoa(os.Getgid())}
	for _, g := range ids {
		if s := strconv.Itoa(g); !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

func TestIdentifyAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("becoming another user takes root")
	}
	cred := &syscall.Credential{Uid: 65534, Gid: 65533}
	want := []string{"65533"}
	for g := range uint32(40) { // more than the first buffer holds
		cred.Groups = append(cred.Groups, 3000+g)
		want = append(want, strconv.Itoa(int(3000+g)))
	}
	o := start(t, copySelf(t, filepath.Join(openDir(t), "cad")), cred)
	p := peerOf(t, o)
	if p.UID != "65534" {
		t.Errorf("UID = %s, want 65534", p.UID)
	}
	if diff := cmp.Diff(p.GIDs, want); diff != "" {
		t.Errorf("GIDs (-got +want):\n%s", diff)
	}
	if got, err := UID(o.conn); got != "65534" || err != nil {
		t.Errorf("UID(conn) = %q, %v", got, err)
	}
}

func TestExit(t *testing.T) {
	o := start(t, self(t), nil)
	p := peerOf(t, o)
	hold, err := p.Duplicate()
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	for name, alive := range map[string]func() error{"peer": p.Alive, "hold": hold.Alive} {
		if err := alive(); err != nil {
			t.Errorf("%s while it runs: %v", name, err)
		}
	}
	o.exit(t, p)
	for name, f := range map[string]func() error{"Alive": p.Alive, "Hold": hold.Alive, "Recheck": p.Recheck} {
		if err := f(); !errors.Is(err, ErrGone) {
			t.Errorf("%s of a process that nobody has reaped = %v, want ErrGone", name, err)
		}
	}
	if is, why := p.IsExecutable("/bin/true"); is || why == "" {
		t.Errorf("IsExecutable of an exited process = %v, %q", is, why)
	}
	if err := o.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := p.Alive(); !errors.Is(err, ErrGone) {
		t.Errorf("Alive of a reaped process = %v, want ErrGone", err)
	}
	if _, err := Identify(o.conn); !errors.Is(err, ErrGone) {
		t.Errorf("Of a reaped process = %v, want ErrGone", err)
	}
}

func TestClose(t *testing.T) {
	o := start(t, self(t), nil)
	p := peerOf(t, o)
	hold, err := p.Duplicate()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if err := p.Alive(); !errors.Is(err, ErrClosed) {
		t.Errorf("Alive after Close = %v, want ErrClosed", err)
	}
	if _, err := p.Duplicate(); !errors.Is(err, ErrClosed) {
		t.Errorf("Hold after Close = %v, want ErrClosed", err)
	}
	if err := hold.Alive(); err != nil {
		t.Errorf("the second hold ended with the first: %v", err)
	}
	if err := hold.Close(); err != nil {
		t.Error(err)
	}
}

// A kernel before 6.5 has no SO_PEERPIDFD.
func TestOldKernel(t *testing.T) {
	o := start(t, self(t), nil)
	p, err := identify(o.conn, func(int) (int, error) { return -1, unix.ENOPROTOOPT })
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	want := peerOf(t, o).Identity
	want.ByPID = true
	if diff := cmp.Diff(p.Identity, want); diff != "" {
		t.Errorf("identify (-got +want):\n%s", diff)
	}
	o.exit(t, p)
	if err := p.Alive(); !errors.Is(err, ErrGone) {
		t.Errorf("Alive after exit = %v, want ErrGone", err)
	}
	o.cmd.Wait()
	if _, err := identify(o.conn, func(int) (int, error) { return -1, unix.ENOPROTOOPT }); !errors.Is(err, ErrGone) {
		t.Errorf("identify a reaped process = %v, want ErrGone", err)
	}
}

func TestSocketErrors(t *testing.T) {
	o := start(t, self(t), nil)
	for _, tt := range []struct {
		err  error
		want error
	}{{unix.ESRCH, ErrGone}, {unix.EINVAL, ErrGone}, {unix.EMFILE, unix.EMFILE}} {
		if _, err := identify(o.conn, func(int) (int, error) { return -1, tt.err }); !errors.Is(err, tt.want) {
			t.Errorf("the socket says %v: got %v, want %v", tt.err, err, tt.want)
		}
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if _, err := Identify(a); err == nil {
		t.Error("Of identified the peer of a pipe inside this process")
	}
}

func TestRecheckAfterExec(t *testing.T) {
	dir := t.TempDir()
	first, second := copySelf(t, filepath.Join(dir, "first")), copySelf(t, filepath.Join(dir, "second"))
	o := start(t, first, nil)
	p := peerOf(t, o)
	o.become(t, second)
	if err := p.Recheck(); !errors.Is(err, ErrChanged) {
		t.Errorf("Recheck after exec of another file = %v, want ErrChanged", err)
	}
	if err := p.Alive(); err != nil {
		t.Errorf("the process that executed another file is the same one: %v", err)
	}
}

// An upgrade unlinks the file that a process runs. That process is still the same.
func TestRecheckAfterUpgrade(t *testing.T) {
	dir := t.TempDir()
	exe := copySelf(t, filepath.Join(dir, "cad"))
	p := peerOf(t, start(t, exe, nil))
	if err := os.Rename(copySelf(t, filepath.Join(dir, "new")), exe); err != nil {
		t.Fatal(err)
	}
	if err := p.Recheck(); err != nil {
		t.Errorf("Recheck after the file was replaced: %v", err)
	}
}

func TestDescriptorsExhausted(t *testing.T) {
	o := start(t, self(t), nil)
	open := func() int {
		t.Helper()
		names, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	before := open()
	for range 20 {
		p, err := Identify(o.conn)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/bin/true", "/tmp/x", "/nowhere/x", "/", "/proc/self/exe"} {
			if is, _ := p.IsExecutable(path); is {
				t.Errorf("the test runs %s", path)
			}
		}
		p.Recheck()
		p.SHA256(NewImages(time.Now))
		p.Close()
	}
	if after := open(); after != before {
		t.Errorf("%d descriptors became %d", before, after)
	}
}

func BenchmarkIdentify(b *testing.B) {
	path := filepath.Join(b.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	if c, err := net.Dial("unix", path); err != nil {
		b.Fatal(err)
	} else {
		defer c.Close()
	}
	c, err := ln.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.Run("Of", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p, err := Identify(c)
			if err != nil {
				b.Fatal(err)
			}
			p.Close()
		}
	})
	b.Run("Recheck", func(b *testing.B) {
		p, err := Identify(c)
		if err != nil {
			b.Fatal(err)
		}
		defer p.Close()
		b.ReportAllocs()
		for b.Loop() {
			if err := p.Recheck(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
