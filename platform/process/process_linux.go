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

// DisableDump disables core dumps of this process: by the limit, and by prctl(2), which also
// stops dumps that are piped to a program. Call it before the process reads a secret. It does
// not affect children that run another program.
func DisableDump() error {
	var err error
	if err = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		err = fmt.Errorf("disable core dumps: %w", err)
	}
	return errors.Join(err, disableCore())
}

// disableCore sets the limit unless it is already 0. A service manager may have set it and
// forbidden the call.
func disableCore() error {
	var now unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &now); err == nil && now.Max == 0 {
		return nil
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("set the core dump limit to 0: %w", err)
	}
	return nil
}

// FindByName returns the processes with this base name of the program, except this process.
// It skips processes that it may not see. On systems other than Linux the error is
// [errors.ErrUnsupported].
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
		if err != nil || len(line) == 0 { // it has ended, is hidden, or belongs to the kernel
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

// parseArguments splits a command line of /proc. The process can overwrite it with anything.
// The result has at least one element.
func parseArguments(line []byte) []string {
	return strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
}
