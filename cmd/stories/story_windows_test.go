package stories

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/windows"

	"regent/platform/layout"
)

// suffix is of the names of programs.
const suffix = ".exe"

// interruptVariable names the process that this program, started once more,
// interrupts.
const interruptVariable = "REGENT_TEST_INTERRUPT"

func init() { //nolint:gochecknoinits // what TestMain asks
	roles = append(roles, func() bool {
		pid := os.Getenv(interruptVariable)
		if pid == "" {
			return false
		}
		if err := interrupt(pid); err != nil {
			fmt.Fprintln(os.Stderr, "interrupt process", pid+":", err)
			os.Exit(1)
		}
		return true
	})
}

// interrupt is Ctrl-C at the console of a process. Only one who shares the console
// can send it, so it takes a process of its own.
func interrupt(pid string) error {
	number, err := strconv.ParseUint(pid, 10, 32)
	if err != nil {
		return err
	}
	kernel := windows.NewLazySystemDLL("kernel32.dll")
	_, _, _ = kernel.NewProc("FreeConsole").Call() // there need not be one
	for _, c := range []struct {
		name string
		args []uintptr
	}{
		{"AttachConsole", []uintptr{uintptr(number)}},
		{"SetConsoleCtrlHandler", []uintptr{0, 1}}, // this process itself goes on
		{"GenerateConsoleCtrlEvent", []uintptr{windows.CTRL_C_EVENT, 0}},
	} {
		if ok, _, err := kernel.NewProc(c.name).Call(c.args...); ok == 0 {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

// socketOf is the name of a story's pipe.
func socketOf(dir, name string) string {
	return fmt.Sprintf(`\\.\pipe\regent-test-%d-%s-%s`, os.Getpid(), filepath.Base(dir), name)
}

// detach gives a program a console of its own, which nobody sees, so that it can be
// interrupted alone.
func detach() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NO_WINDOW}
}

// signalEnd tells a program to end.
func (p *program) signalEnd() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), interruptVariable+"="+strconv.Itoa(p.Process.Pid))
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}

func hangUp(ts *testscript.TestScript, _ bool, args []string) {
	named(ts, args)
	ts.Check(ts.Exec("regent", "reload"))
}

func condition(name string) (bool, error) {
	switch name {
	case "root": // Wine has one user, to whom no policy can belong
		return windows.GetCurrentProcessToken().IsElevated() && !layout.UnderWine(), nil
	case "wine":
		return layout.UnderWine(), nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// groupOf is a group that the user is in, by its SID.
func groupOf(u *user.User) (string, error) { return u.Gid, nil }
