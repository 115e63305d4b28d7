package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// measureMemory measures a daemon with the usual number of instances after it has
// served.
func (b *bench) measureMemory(ctx context.Context) error {
	d := b.devices[smallCount]
	if _, err := load(ctx, d.socket, 8, true, b.slice); err != nil {
		return err
	}
	kib, err := statusOf(d.cmd.Process.Pid, strconv.Itoa(d.cmd.Process.Pid), "VmRSS:")
	if err != nil {
		return err
	}
	b.goal(goal{"resident memory", float64(kib) / 1024, atMost, 20, " MiB"}, "%d instances, after it has served", smallCount)
	return nil
}

// statusOf reads a number of /proc/PID/task/TID/status.
func statusOf(pid int, task, name string) (int, error) {
	file := fmt.Sprintf("/proc/%d/task/%s/status", pid, task)
	text, err := os.ReadFile(file) //nolint:gosec // of a process that was started here
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(string(text), name)
	fields := strings.Fields(rest)
	if !found || len(fields) == 0 {
		return 0, fmt.Errorf("%s has no line %s", file, name)
	}
	return strconv.Atoi(fields[0])
}

// settleTime is how long a daemon needs to become idle: connections to the service
// are closed half a minute after their last use, and requests that were counted
// are in the audit log a minute after the first.
const settleTime = 75 * time.Second

// measureWakeUps counts how often threads of an idle daemon run.
func (b *bench) measureWakeUps(ctx context.Context) error {
	pid := b.devices[smallCount].cmd.Process.Pid
	if err := wait(ctx, settleTime); err != nil {
		return err
	}
	before, err := contextSwitches(pid)
	if err != nil {
		return err
	}
	if err := wait(ctx, b.idleTime); err != nil {
		return err
	}
	after, err := contextSwitches(pid)
	if err != nil {
		return err
	}
	b.goal(goal{"wake-ups in an idle minute", float64(after-before) * float64(time.Minute) / float64(b.idleTime), atMost, 4, ""},
		"%d in %v, of all threads; %d instances", after-before, b.idleTime, smallCount)
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// contextSwitches returns how often the threads of a process went to sleep so far.
func contextSwitches(pid int) (int, error) {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return 0, err
	}
	all := 0
	for _, t := range tasks {
		n, err := statusOf(pid, t.Name(), "\nvoluntary_ctxt_switches:")
		if errors.Is(err, os.ErrNotExist) {
			continue // the thread has ended
		}
		if err != nil {
			return 0, err
		}
		all += n
	}
	return all, nil
}

// measureSizes measures the programs that go onto a device.
func (b *bench) measureSizes(context.Context) error {
	for _, program := range []string{"regentd", "regent"} {
		st, err := os.Stat(filepath.Join(b.bin, program))
		if err != nil {
			return err
		}
		b.goal(goal{"size of " + program, float64(st.Size()) / (1 << 20), atMost, 12, " MiB"}, "as make build makes it")
	}
	return nil
}
