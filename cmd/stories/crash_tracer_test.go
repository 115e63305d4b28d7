//go:build crash && linux && amd64

package stories

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

// The tracer runs regentd under ptrace and does one bad thing at one position.
// strace can do the same, but counts the calls of each thread by itself, and a
// Go program moves from thread to thread: only a count over all of them names a
// position. It is a process of its own, since it waits for any child.

// tracerSpec is what the tracer is told, as JSON in the environment.
type tracerSpec struct {
	Dir    string   // calls on files below it and on its mark count, and calls on TCP sockets
	Report string   // the positions that were passed, one JSON object on each line
	At     position // where to do it; the zero position is nowhere
	Do     string   // "KILL", the name of an error that the call is to fail with, or [fullDisk]
	Args   []string // the program and its arguments
}

// position is the Nth call, from 1, that is named so.
type position struct {
	Call string // "fsync records/*", "connect tcp"
	N    int
}

func (p position) String() string { return fmt.Sprintf("%s #%d", p.Call, p.N) }

const tracerEnv = "REGENT_TEST_TRACER"

func init() { //nolint:gochecknoinits // what TestMain asks
	roles = append(roles, func() bool {
		text := os.Getenv(tracerEnv)
		if text == "" {
			return false
		}
		var spec tracerSpec
		if err := json.Unmarshal([]byte(text), &spec); err != nil {
			panic(err)
		}
		if err := trace(spec); err != nil {
			fmt.Fprintln(os.Stderr, "tracer:", err)
			os.Exit(125)
		}
		return true
	})
}

// tracer is one traced process with its threads.
type tracer struct {
	tracerSpec
	pid    int
	report *os.File
	passed map[string]int
	known  map[int]bool          // threads
	tcp    map[uint64]bool       // file descriptors
	failed map[int]syscall.Errno // threads in a call that is to fail
	asked  map[int]uint64        // threads in connect, and with which descriptor
}

// ptrace requests and options that package syscall does not name.
const (
	getSyscallInfo = 0x420e
	traceSysGood   = 0x1
	traceClone     = 0x8
	exitKill       = 0x100000
	syscallStop    = syscall.SIGTRAP | 0x80
	waitAll        = 0x40000000
)

func trace(spec tracerSpec) error {
	runtime.LockOSThread() // ptrace knows one thread as the tracer
	report, err := os.OpenFile(spec.Report, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	cmd := exec.Command(spec.Args[0], spec.Args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	t := &tracer{
		tracerSpec: spec, pid: cmd.Process.Pid, report: report, passed: map[string]int{},
		known: map[int]bool{cmd.Process.Pid: true}, tcp: map[uint64]bool{}, failed: map[int]syscall.Errno{}, asked: map[int]uint64{},
	}
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(t.pid, &ws, 0, nil); err != nil {
		return err
	}
	if err := syscall.PtraceSetOptions(t.pid, traceSysGood|traceClone|exitKill); err != nil {
		return err
	}
	fmt.Fprintf(report, "%d\n", t.pid)
	if err := syscall.PtraceSyscall(t.pid, 0); err != nil {
		return err
	}
	return t.loop()
}

// loop lets the threads run from stop to stop until the last has ended.
func (t *tracer) loop() error {
	for {
		var ws syscall.WaitStatus
		tid, err := syscall.Wait4(-1, &ws, waitAll, nil)
		switch {
		case errors.Is(err, syscall.ECHILD):
			return nil
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return err
		case !ws.Stopped():
			continue
		}
		pass := 0
		switch sig := ws.StopSignal(); {
		case sig == syscallStop:
			t.stopped(tid)
		case sig == syscall.SIGTRAP && ws.TrapCause() > 0:
		case sig == syscall.SIGSTOP && !t.known[tid]:
			t.known[tid] = true
		default:
			pass = int(sig)
		}
		// It may have been killed meanwhile: the next wait tells.
		_ = syscall.PtraceSyscall(tid, pass)
	}
}

// call is a system call at its entry, or the result of one at its exit.
type call struct {
	op   uint8 // 1 entry, 2 exit
	_    [3]uint8
	arch uint32
	ip   uint64
	sp   uint64
	nr   uint64 // at the exit, the result
	args [6]uint64
}

func (t *tracer) stopped(tid int) {
	var c call
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PTRACE, getSyscallInfo, uintptr(tid), unsafe.Sizeof(c), uintptr(unsafe.Pointer(&c)), 0, 0); e != 0 {
		return
	}
	if c.op == 2 {
		t.exit(tid)
		return
	}
	name := t.name(c)
	if name == "" {
		return
	}
	t.passed[name]++
	here := position{name, t.passed[name]}
	line, _ := json.Marshal(here) // a struct of text and number
	fmt.Fprintf(t.report, "%s\n", line)
	if here == t.At || t.Do == fullDisk && t.needsSpace(c, name) {
		t.inject(tid)
	}
}

// fullDisk has every call fail that takes room on the disk, from the beginning on.
const fullDisk = "full disk"

// needsSpace reports whether a call fails on a disk without any: the content of a
// file, and a new name.
func (t *tracer) needsSpace(c call, name string) bool {
	switch c.nr {
	case syscall.SYS_WRITE, syscall.SYS_PWRITE64:
		return !strings.HasSuffix(name, " tcp")
	case syscall.SYS_OPENAT:
		return c.args[2]&syscall.O_CREAT != 0 && !fileExists(t.at(c.args[0], c.args[1]))
	case syscall.SYS_MKDIRAT:
		return !fileExists(t.at(c.args[0], c.args[1]))
	}
	return false
}

func fileExists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// inject does the bad thing: before the call has had any effect.
func (t *tracer) inject(tid int) {
	if t.Do == "KILL" {
		_ = syscall.Kill(t.pid, syscall.SIGKILL) // of a process that we hold
		return
	}
	var regs syscall.PtraceRegs
	if syscall.PtraceGetRegs(tid, &regs) != nil {
		return
	}
	regs.Orig_rax = ^uint64(0) // no such call: it is skipped
	if syscall.PtraceSetRegs(tid, &regs) == nil {
		t.failed[tid] = map[string]syscall.Errno{"EIO": syscall.EIO, "ENOSPC": syscall.ENOSPC, fullDisk: syscall.ENOSPC}[t.Do]
	}
}

func (t *tracer) exit(tid int) {
	e, ok := t.failed[tid]
	if !ok {
		return
	}
	delete(t.failed, tid)
	var regs syscall.PtraceRegs
	if syscall.PtraceGetRegs(tid, &regs) == nil {
		regs.Rax = uint64(-int64(e))
		_ = syscall.PtraceSetRegs(tid, &regs) // it is dead then
	}
}

// name names a call that counts, "" for any other.
func (t *tracer) name(c call) string {
	switch c.nr {
	case syscall.SYS_OPENAT, syscall.SYS_UNLINKAT, syscall.SYS_MKDIRAT:
		return t.onPath(callNames[c.nr], t.at(c.args[0], c.args[1]))
	case syscall.SYS_RENAMEAT, 316: // renameat2
		return t.onPath("rename", t.at(c.args[2], c.args[3]))
	case syscall.SYS_CONNECT:
		if family := t.read(c.args[1], 2); len(family) == 2 && (family[0] == syscall.AF_INET || family[0] == syscall.AF_INET6) {
			t.tcp[c.args[0]] = true
			return "connect tcp"
		}
	case syscall.SYS_CLOSE:
		delete(t.tcp, c.args[0])
	case syscall.SYS_WRITE, syscall.SYS_PWRITE64, syscall.SYS_FSYNC, syscall.SYS_FDATASYNC, syscall.SYS_FTRUNCATE:
		if t.tcp[c.args[0]] {
			return callNames[c.nr] + " tcp"
		}
		return t.onPath(callNames[c.nr], t.link(c.args[0]))
	case syscall.SYS_READ:
		if t.tcp[c.args[0]] {
			return "read tcp"
		}
	}
	return ""
}

var callNames = map[uint64]string{
	syscall.SYS_OPENAT: "openat", syscall.SYS_UNLINKAT: "unlink", syscall.SYS_MKDIRAT: "mkdir",
	syscall.SYS_WRITE: "write", syscall.SYS_PWRITE64: "write", syscall.SYS_FSYNC: "fsync",
	syscall.SYS_FDATASYNC: "fsync", syscall.SYS_FTRUNCATE: "ftruncate",
}

// random is what differs from run to run in the name of a temporary file, and in
// that of a record: the service's port.
var random = regexp.MustCompile(`[^/]*\.tmp$|-[0-9]+$|[0-9]{4,}`)

func (t *tracer) onPath(what, path string) string {
	rel, err := filepath.Rel(t.Dir, path)
	if path == "" || err != nil || strings.HasPrefix(rel, "..") && !t.isMark(what, rel) {
		return ""
	}
	return what + " " + random.ReplaceAllString(rel, "*")
}

// isMark reports whether a call is on the mark, which lies beside the state
// directory; of the directory that they are in, only that it is synced counts.
func (t *tracer) isMark(what, rel string) bool {
	if rel == ".." {
		return what == "fsync"
	}
	mark, outside := strings.CutPrefix(rel, "../")
	return outside && strings.HasPrefix(strings.TrimPrefix(mark, "."), filepath.Base(t.Dir)+".mark")
}

// at resolves a path that is relative to a directory's descriptor.
func (t *tracer) at(fd, address uint64) string {
	path, _, _ := bytes.Cut(t.read(address, 4096), []byte{0})
	if len(path) > 0 && path[0] == '/' {
		return filepath.Clean(string(path))
	}
	return filepath.Join(t.link(fd), string(path))
}

func (t *tracer) link(fd uint64) string {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", t.pid, int32(fd)))
	if err != nil || !strings.HasPrefix(path, "/") {
		return ""
	}
	return path
}

// read returns up to n bytes of the process' memory.
func (t *tracer) read(address uint64, n int) []byte {
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", t.pid))
	if err != nil {
		return nil
	}
	defer mem.Close()
	b := make([]byte, n)
	got, err := mem.ReadAt(b, int64(address))
	if err != nil { // the next page may not be there
		got, _ = mem.ReadAt(b[:min(n, int(4096-address%4096))], int64(address))
	}
	return b[:got]
}
