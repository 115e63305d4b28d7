package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// DisableDump forbids dumps from now on, for this process: by the limit, and by a call
// that a dump which is piped to a program heeds too. It is to be called before a secret
// is read. Children that run another program are not concerned.
func DisableDump() error {
	var err error
	if err = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		err = fmt.Errorf("forbid dumps of memory: %w", err)
	}
	return errors.Join(err, disableCore())
}

// disableCore sets the limit unless it is set: a service manager may have done so and
// forbidden the call.
func disableCore() error {
	var now unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &now); err == nil && now.Max == 0 {
		return nil
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("set the limit of core dumps to 0: %w", err)
	}
	return nil
}

// FindByName returns the processes whose program has the base name name, this one
// excepted. Those of which nothing may be seen are left out. Elsewhere than on Linux the
// error is [errors.ErrUnsupported].
func FindByName(name string) ([]Process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var out []Process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err != nil || len(line) == 0 { // it has ended, may not be seen, or is the kernel's
			continue
		}
		args := parseArguments(line)
		if filepath.Base(args[0]) != name {
			continue
		}
		dir, err := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		if err != nil {
			dir = ""
		}
		out = append(out, Process{PID: pid, Dir: dir, Args: args})
	}
	return out, nil
}

// parseArguments takes a command line of /proc apart, which its process can have
// overwritten with anything. It is at least one.
func parseArguments(line []byte) []string {
	return strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
}
