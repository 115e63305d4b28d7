package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Where the daemon may write, besides temporary directories that are its own.
const (
	home = "/var/lib/regent"
	mark = "/var/lib/regent.mark" // of the state, out of reach of a restore of it

	metrics = "/run/regent/metrics" // the file with metrics, which has no secret
)

// trial is one thing that is tried.
type trial struct {
	name string
	try  func() error // nil if the sandbox is as it should be
}

// sandbox runs in the daemon's place and tries actions that must fail. It also tries
// actions that must work, so that a sandbox that blocks everything does not pass.
func sandbox(address, victim string) error {
	pid, err := strconv.Atoi(victim)
	if err != nil {
		return fmt.Errorf("no process number: %w", err)
	}
	trials := []trial{
		{"capabilities: exactly CAP_SYS_PTRACE", capabilities},
		{"no new privileges, filtered system calls", filtered},
		{"not root, and never again", notRoot},
		{"writes nowhere but in " + home + ", " + mark + " and " + metrics, writesOnlyAtHome},
		{"listens on no TCP or Unix address", listensNowhere},
		{"connects to " + address, func() error { return connects(address) }},
		{"makes no packet or vsock socket", plainSocketsOnly},
		{"traces nobody", func() error { return refused("trace a process", syscall.PtraceAttach(pid)) }},
		{"writes to nobody's memory", func() error { return writesNoMemory(pid) }},
		{"makes no namespace and mounts nothing", noNamespace},
		{"sees the executable of another user's process", seesExecutable},
		{"reads the boot id", readsBootID},
		{"has its credential", hasCredential},
		{"leaves no core dump", noCore},
	}
	failed := 0
	for _, t := range trials {
		if err := t.try(); err != nil {
			failed++
			fmt.Printf("FAILED  %s: %v\n", t.name, err)
			continue
		}
		fmt.Printf("held    %s\n", t.name)
	}
	fmt.Printf("%d held, %d failed\n", len(trials)-failed, failed)
	if failed > 0 {
		return errors.New("the sandbox does not hold")
	}
	return nil
}

// statusFields are those of /proc/self/status.
func statusFields() (map[string]string, error) {
	text, err := os.ReadFile("/proc/self/status")
	fields := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.TrimSpace(value)
	}
	return fields, err
}

func capabilities() error {
	fields, err := statusFields()
	if err != nil {
		return err
	}
	const ptrace = "0000000000080000"
	for _, set := range []string{"CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		if fields[set] != ptrace {
			return fmt.Errorf("%s is %s, want %s", set, fields[set], ptrace)
		}
	}
	return nil
}

func filtered() error {
	fields, err := statusFields()
	if err != nil {
		return err
	}
	if fields["NoNewPrivs"] != "1" || fields["Seccomp"] != "2" {
		return fmt.Errorf("NoNewPrivs %s, Seccomp %s, want 1 and 2", fields["NoNewPrivs"], fields["Seccomp"])
	}
	return nil
}

func notRoot() error {
	if os.Getuid() == 0 || os.Geteuid() == 0 {
		return errors.New("it is root")
	}
	return refused("become root", syscall.Setuid(0))
}

// refused is nil if err is a refusal, of any kind.
func refused(what string, err error) error {
	for _, is := range []error{syscall.EPERM, syscall.EACCES, syscall.EROFS, syscall.EAFNOSUPPORT} {
		if errors.Is(err, is) {
			return nil
		}
	}
	if err == nil {
		return fmt.Errorf("it could %s", what)
	}
	return fmt.Errorf("%s: refused for another reason: %w", what, err)
}

// writesOnlyAtHome tries every directory that can be seen.
func writesOnlyAtHome() error {
	allowed := []string{home, mark, metrics, "/tmp", "/var/tmp"}
	var could []string
	tried, atHome := 0, false
	err := filepath.WalkDir("/", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what cannot be read is tried all the same, and has nothing below it to walk to
		}
		if !d.IsDir() {
			return nil
		}
		if strings.HasPrefix(path, "/proc/") && path != "/proc/sys" {
			return fs.SkipDir
		}
		tried++
		if !writable(path) {
			return nil
		}
		if slices.Contains(allowed, path) {
			atHome = atHome || path == home
			return fs.SkipDir
		}
		could = append(could, path)
		return nil
	})
	switch {
	case err != nil:
		return err
	case len(could) > 0:
		return fmt.Errorf("it could write in %s", strings.Join(could, ", "))
	case !atHome:
		return fmt.Errorf("it could not write in %s either", home)
	case tried < 500:
		return fmt.Errorf("only %d directories were seen", tried)
	}
	return nil
}

func writable(dir string) bool {
	f, err := os.CreateTemp(dir, ".probe")
	if err != nil {
		return false
	}
	return errors.Join(f.Close(), os.Remove(f.Name())) == nil
}

func listensNowhere() error {
	var wrong error
	for _, a := range [][2]string{{"tcp4", "127.0.0.1:0"}, {"tcp6", "[::1]:0"}, {"tcp", ":0"}, {"unix", home + "/probe.sock"}} {
		ln, err := (&net.ListenConfig{}).Listen(context.Background(), a[0], a[1])
		if err == nil {
			err = ln.Close()
		}
		if a[0] == "tcp6" && errors.Is(err, syscall.EADDRNOTAVAIL) {
			continue // the machine has no IPv6
		}
		wrong = errors.Join(wrong, refused("listen on "+a[1], err))
	}
	_ = os.Remove(home + "/probe.sock") // bound, and not listened on
	return wrong
}

func connects(address string) error {
	c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	return c.Close()
}

func plainSocketsOnly() error {
	var wrong error
	for name, family := range map[string]int{"packet": syscall.AF_PACKET, "vsock": 40} {
		fd, err := syscall.Socket(family, syscall.SOCK_RAW, 0)
		if err == nil {
			err = syscall.Close(fd)
		}
		wrong = errors.Join(wrong, refused("make a "+name+" socket", err))
	}
	return wrong
}

func writesNoMemory(pid int) error {
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_WRONLY, 0)
	if err == nil {
		err = f.Close()
	}
	return refused("open another process's memory for writing", err)
}

func noNamespace() error {
	return errors.Join(
		refused("make a user namespace", syscall.Unshare(syscall.CLONE_NEWUSER)),
		refused("make a mount namespace", syscall.Unshare(syscall.CLONE_NEWNS)),
		refused("mount", syscall.Mount("none", "/tmp", "tmpfs", 0, "")),
	)
}

func seesExecutable() error {
	exe, err := os.Readlink("/proc/1/exe")
	if err != nil {
		return err
	}
	if !strings.Contains(exe, "systemd") {
		return fmt.Errorf("process 1 runs %q", exe)
	}
	_, err = os.Stat("/proc/1/exe")
	return err
}

func readsBootID() error {
	_, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return err
}

func hasCredential() error {
	text, err := fs.ReadFile(os.DirFS(os.Getenv("CREDENTIALS_DIRECTORY")), "regent-keyring-passphrase")
	if err == nil && len(text) == 0 {
		return errors.New("it is empty")
	}
	return err
}

func noCore() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &limit); err != nil {
		return err
	}
	if limit.Max != 0 {
		return fmt.Errorf("the limit is %d bytes", limit.Max)
	}
	return nil
}
