package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// measureMemory measures a daemon with the usual number of instances after some requests.
func (b *bench) measureMemory(ctx context.Context) error {
	d := b.devices[smallCount]
	if _, err := load(ctx, d.socket, 8, true, b.slice); err != nil {
		return err
	}
	kib, err := sumOf(d.cmd.Process.Pid, "status", "VmRSS:")
	if err != nil {
		return err
	}
	b.goal(goal{"resident memory", float64(kib) / 1024, atMost, 20, " MiB"}, "%d instances, after it has served", smallCount)
	return nil
}

// sumOf adds up a number in files of /proc/PID, for example one for each thread.
func sumOf(pid int, pattern, name string) (sum int, err error) {
	proc := os.DirFS(fmt.Sprintf("/proc/%d", pid))
	files, err := fs.Glob(proc, pattern)
	found := false
	for _, file := range files {
		text, _ := fs.ReadFile(proc, file) // a thread may have ended
		if _, rest, has := strings.Cut(string(text), name); has {
			n, _ := strconv.Atoi(strings.Fields(rest)[0]) // the kernel writes one
			sum, found = sum+n, true
		}
	}
	if !found && err == nil {
		err = fmt.Errorf("no %s of process %d has a line %s", pattern, pid, name)
	}
	return sum, err
}

// cpuOf returns the CPU time of a process: the sum of its threads, in nanoseconds.
func cpuOf(pid int) (sum time.Duration, err error) {
	proc := os.DirFS(fmt.Sprintf("/proc/%d", pid))
	files, err := fs.Glob(proc, "task/*/schedstat")
	for _, file := range files {
		text, _ := fs.ReadFile(proc, file) // a thread may have ended
		if fields := strings.Fields(string(text)); len(fields) > 0 {
			n, _ := strconv.ParseInt(fields[0], 10, 64) // the kernel writes one
			sum += time.Duration(n)
		}
	}
	return sum, err
}

// settleTime is the time until a daemon is idle. It closes connections to the service 30 s
// after their last use. It writes counted requests to the audit log 1 m after the first.
const settleTime = 75 * time.Second

// switches is the line with the number of times that a thread went to sleep.
const switches = "\nvoluntary_ctxt_switches:"

// measureWakeUps counts the wake-ups of an idle daemon's threads.
func (b *bench) measureWakeUps(ctx context.Context) error {
	pid := b.devices[smallCount].cmd.Process.Pid
	if err := wait(ctx, settleTime); err != nil {
		return err
	}
	before, err := sumOf(pid, "task/*/status", switches)
	if err != nil {
		return err
	}
	if err := wait(ctx, b.idleTime); err != nil {
		return err
	}
	after, err := sumOf(pid, "task/*/status", switches)
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

// measureSizes measures the programs for a device.
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
