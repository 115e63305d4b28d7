package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// reuse is process 1 of a PID namespace. It starts the daemon, has a first
// process connect and end, and forces its PID onto a second one, which is just as
// much allowed. It then asks over the connection of the first.
func reuse(spec string) {
	words := strings.Fields(spec)
	socket, daemon := words[0], words[1:]
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		panic(err)
	}
	d := exec.Command(daemon[0], daemon[1:]...)
	d.Stderr = os.Stderr
	if err := d.Start(); err != nil {
		panic(err)
	}
	for {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	for range 50 {
		if reuseOnce(socket) {
			break
		}
	}
	_ = d.Process.Signal(syscall.SIGTERM)
	_ = d.Wait()
}

// reuseOnce reports whether the second process got the PID of the first. A new thread
// of the daemon can get it before.
func reuseOnce(socket string) bool {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		panic(err)
	}
	theirs := os.NewFile(uintptr(fd), "socket")
	defer theirs.Close()
	first := startWith(theirs)
	connected, granted := send(first, "connect "+socket), send(first, "ask")
	first.end()
	if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(first.cmd.Process.Pid-1)), 0o644); err != nil {
		panic(err)
	}
	second := startWith(theirs)
	defer second.end()
	if second.cmd.Process.Pid != first.cmd.Process.Pid {
		return false
	}
	fmt.Println(connected, first.cmd.Process.Pid)
	fmt.Println(granted)
	fmt.Println("again", second.cmd.Process.Pid)
	fmt.Println(ask(fd))
	return true
}

// process is another attacker, which has a descriptor of ours.
type process struct {
	cmd *exec.Cmd
	in  *os.File
	out *os.File
}

func startWith(f *os.File) process {
	inR, inW, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	c := exec.Command("/proc/self/exe", "3")
	c.Stdin, c.Stdout, c.ExtraFiles = inR, outW, []*os.File{f}
	if err := c.Start(); err != nil {
		panic(err)
	}
	_ = inR.Close()
	_ = outW.Close()
	p := process{c, inW, outR}
	p.line() // ready
	return p
}

func (p process) line() string {
	b := make([]byte, 256)
	n, _ := p.out.Read(b)
	return strings.TrimSpace(string(b[:n]))
}

func (p process) end() {
	_ = p.in.Close()
	_ = p.cmd.Wait()
}

func send(p process, line string) string {
	fmt.Fprintln(p.in, line)
	return p.line()
}
