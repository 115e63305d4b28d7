package stories

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"regent/agent/tms/emulator"
)

const otherUID = 54321 // a uid that no rule names

// victim is a daemon with one instance, which only this user's processes of one
// program may use. Everything on the way to that program is root's.
type victim struct {
	*testDevice
	program string // the allowed one
	other   string // a copy of it
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	needsLong(t, "make stories")
	if os.Getuid() != 0 {
		t.Skip("attacks on root's programs, as other users and in namespaces, take root")
	}
	dir, err := os.MkdirTemp("/var/lib", "regent-test-") //nolint:usetesting // a path that is root's all the way up
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	b := &victim{testDevice: newTestDevice(t, programs(t), emulator.Knobs{}, nil)}
	b.program, b.other = filepath.Join(dir, "cad"), filepath.Join(dir, "other")
	for _, to := range []string{b.program, b.other} {
		copyFile(t, filepath.Join(b.bin, "attacker"), to)
	}
	config, err := os.ReadFile(filepath.Join(b.dir, "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	b.write(t, "config.yaml", strings.Replace(string(config), "{everyone: true}",
		fmt.Sprintf("{users: ['0'], executables: [{path: %s}]}", b.program), 1))
	if err := os.Chmod(b.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return b
}

// awaitRedeemed waits until there is a token to attack.
func (b *victim) awaitRedeemed(t *testing.T) {
	t.Helper()
	for until := time.Now().Add(patience); b.state(t) != "live"; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("the instance is %q", b.state(t))
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o755); err != nil {
		t.Fatal(err)
	}
}

// attacker is another process.
type attacker struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startAttacker(t *testing.T, cmd *exec.Cmd) *attacker {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a := &attacker{cmd, in, bufio.NewReader(out)}
	t.Cleanup(a.end)
	return a
}

// end lets the process end, and reaps it. Again it does nothing.
func (a *attacker) end() {
	a.in.Close()
	a.cmd.Wait()
}

// send sends a line and wants another one back.
func (a *attacker) send(t *testing.T, line, want string) {
	t.Helper()
	if _, err := fmt.Fprintln(a.in, line); err != nil {
		t.Fatal(err)
	}
	a.expect(t, want)
}

func (a *attacker) expect(t *testing.T, want string) {
	t.Helper()
	got, err := a.out.ReadString('\n')
	if got = strings.TrimSpace(got); got != want || err != nil {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

const (
	granted = "200 cad/1"
	denied  = "403 denied"
)

// TestAttacks: what a local process may try, and what it gets. Each begins with
// nobody holding the instance.
func TestAttacks(t *testing.T) {
	b := newVictim(t)
	d := b.start(t)
	b.awaitRedeemed(t)
	for name, try := range map[string]func(*testing.T, *victim){
		"the allowed program":                     allowed,
		"another program":                         anotherProgram,
		"another user":                            anotherUser,
		"root of a user namespace":                rootOfAUserNamespace,
		"descriptor handed over":                  handedOver,
		"exec between connect and request":        execBetween,
		"exec between two requests":               execBetweenRequests,
		"replaced by rename":                      replaced,
		"bind mount in a private mount namespace": bindMount,
		"a holder whose first thread has ended":   holderWithoutLeader,
		"a holder that nobody reaps":              zombieHolder,
		"a holder that has hung up":               closedConnection,
	} {
		t.Run(name, func(t *testing.T) { try(t, b) })
	}
	d.alive(t)
	d.stop(t)
}

func allowed(t *testing.T, b *victim) {
	a := startAttacker(t, exec.Command(b.program))
	a.send(t, "connect "+b.socket(), "connected")
	a.send(t, "ask", granted)
	second := startAttacker(t, exec.Command(b.program))
	second.send(t, "connect "+b.socket(), "connected")
	second.send(t, "ask", "409 no_free_instance")
	a.end()
	second.send(t, "ask", granted)
}

func anotherProgram(t *testing.T, b *victim) {
	a := startAttacker(t, exec.Command(b.other))
	a.send(t, "connect "+b.socket(), "connected")
	a.send(t, "ask", denied)
}

func anotherUser(t *testing.T, b *victim) {
	c := exec.Command(b.program)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherUID, Gid: otherUID}}
	a := startAttacker(t, c)
	a.send(t, "connect "+b.socket(), "connected")
	a.send(t, "ask", denied)
}

func rootOfAUserNamespace(t *testing.T, b *victim) {
	c := exec.Command(b.program)
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: otherUID, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: otherUID, Size: 1}},
		Credential:  &syscall.Credential{Uid: 0, Gid: 0, NoSetGroups: true},
	}
	a := startAttacker(t, c)
	a.send(t, "connect "+b.socket(), "connected")
	a.send(t, "ask", denied)
}

// handedOver has the allowed program connect a descriptor of this process, which
// then asks over it: while that program lives as itself, and once it has ended.
func handedOver(t *testing.T, b *victim) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	shared := os.NewFile(uintptr(fd), "socket")
	defer shared.Close()
	c := exec.Command(b.program, "3")
	c.ExtraFiles = []*os.File{shared}
	a := startAttacker(t, c)
	a.expect(t, "ready")
	a.send(t, "connect "+b.socket(), "connected")
	a.send(t, "ask", granted)
	a.end()
	thief := exec.Command(b.program, "3")
	thief.ExtraFiles = []*os.File{shared}
	other := startAttacker(t, thief)
	other.expect(t, "ready")
	other.send(t, "ask", denied)
}

func execBetween(t *testing.T, b *victim) {
	a := startAttacker(t, exec.Command(b.program))
	a.send(t, "connect "+b.socket(), "connected")
	b.awaitAccepted(t)
	a.send(t, "exec "+b.other, "ready")
	a.send(t, "ask", denied)
}

// awaitAccepted waits until the daemon has accepted what was connected before: it takes
// connections one after the other.
func (b *victim) awaitAccepted(t *testing.T) {
	t.Helper()
	b.client.Close() // so that the next call connects
	if _, err := b.client.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func execBetweenRequests(t *testing.T, b *victim) {
	a := startAttacker(t, exec.Command(b.program))
	a.send(t, "connect "+b.socket(), "connected")
	a.send(t, "ask", granted)
	a.send(t, "exec "+b.other, "ready")
	a.send(t, "ask", denied)
	a.send(t, "exec "+b.program, "ready")
	a.send(t, "ask", granted) // it is the holder again, and runs what is allowed
}

// replaced puts another file into the place of the allowed one. Whoever runs the
// old one does not run what the rule names any more; who runs the new one does.
func replaced(t *testing.T, b *victim) {
	old := startAttacker(t, exec.Command(b.program))
	old.send(t, "connect "+b.socket(), "connected")
	old.send(t, "ask", granted)
	copyFile(t, b.other, b.program+".new")
	if err := os.Rename(b.program+".new", b.program); err != nil {
		t.Fatal(err)
	}
	old.send(t, "ask", denied)
	old.end()
	young := startAttacker(t, exec.Command(b.program))
	young.send(t, "connect "+b.socket(), "connected")
	young.send(t, "ask", granted)
}

// bindMount runs a file of the attacker's under the allowed path, which is true
// in the attacker's mount namespace alone.
func bindMount(t *testing.T, b *victim) {
	c := exec.Command("sh", "-c", `mount --bind "$1" "$0" && exec "$0"`, b.program, b.other)
	c.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	a := startAttacker(t, c)
	a.send(t, "connect "+b.socket(), "connected")
	exe, err := os.Readlink("/proc/" + strconv.Itoa(a.cmd.Process.Pid) + "/exe")
	if err != nil || exe != b.program {
		t.Errorf("the attack is none: the process shows %q, %v", exe, err)
	}
	a.send(t, "ask", denied)
}

// TestPIDReuse forces the PID of a process that has connected and ended onto
// another one, in a PID namespace of their own with the daemon.
func TestPIDReuse(t *testing.T) {
	b := newVictim(t)
	d := b.start(t)
	b.awaitRedeemed(t)
	d.stop(t)
	c := exec.Command(b.program, "pid-reuse", b.socket()+" "+strings.Join(b.args(), " "))
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, Unshareflags: syscall.CLONE_NEWNS}
	c.Stderr = t.Output()
	out, err := c.Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(lines) != 4 {
		t.Fatalf("%v: %q", err, out)
	}
	first, second := strings.TrimPrefix(lines[0], "connected "), strings.TrimPrefix(lines[2], "again ")
	if first != second {
		t.Fatalf("the PID was not used again: %s, then %s", first, second)
	}
	if lines[1] != granted || lines[3] != denied {
		t.Errorf("over the connection of process %s: %q while it lived, %q when another one had its PID; want %q and %q", first, lines[1], lines[3], granted, denied)
	}
}
