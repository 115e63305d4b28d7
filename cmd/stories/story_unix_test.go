//go:build unix

package stories

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// suffix is of the names of programs.
const suffix = ""

// socketOf is where a socket of a story is.
func socketOf(dir, name string) string { return filepath.Join(dir, name+".sock") }

// detach starts a program as any other.
func detach() *syscall.SysProcAttr { return nil }

// signalEnd tells a program to end.
func (p *program) signalEnd() error { return p.Process.Signal(syscall.SIGTERM) }

func hangUp(ts *testscript.TestScript, _ bool, args []string) {
	_, p := named(ts, args)
	ts.Check(p.Process.Signal(syscall.SIGHUP))
}

func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Getuid() == 0, nil
	case "wine":
		return false, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// groupOf is the name of a group that the user is in.
func groupOf(u *user.User) (string, error) {
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		return "", err
	}
	return g.Name, nil
}
