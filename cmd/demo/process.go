package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// startTimeout limits the start of a program, stopTimeout its end after a request.
const (
	startTimeout = time.Minute
	stopTimeout  = time.Minute
)

// process is a program that runs beside the story. It outlasts its context. The caller stops
// it, or leaves it running on purpose.
type process struct {
	name  string
	cmd   *exec.Cmd
	ended chan struct{} // closed once err is set
	err   error
}

// begin starts a command, and waits for its end.
func begin(c *exec.Cmd) (*process, error) {
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("%w; run make build first", err)
	}
	p := &process{name: filepath.Base(c.Path), cmd: c, ended: make(chan struct{})}
	go func() { // ends with the process, which stop waits for
		defer close(p.ended)
		p.err = c.Wait()
	}()
	return p, nil
}

// running returns an error if the process has ended.
func (p *process) running() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s has ended: %s", p.name, p.cmd.ProcessState)
	default:
		return nil
	}
}

// stop asks the process to end, waits for it, and returns its result: nil means exit code 0.
// It can be called again.
func (p *process) stop() error {
	if p.running() == nil && p.cmd.Process.Signal(syscall.SIGTERM) != nil {
		_ = p.cmd.Process.Kill() // where there are no signals
	}
	select {
	case <-p.ended:
		if p.err != nil {
			return fmt.Errorf("%s: %w", p.name, p.err)
		}
		return nil
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill() // it ends then, or had ended
		<-p.ended
		return fmt.Errorf("%s did not end within %v of being told to, and was killed", p.name, stopTimeout)
	}
}

// tail returns the last n lines of a log file.
func tail(log string, n int) string {
	text, err := os.ReadFile(log) //nolint:gosec // the story's own directory
	if err != nil {
		return err.Error() + "\n"
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n") + "\n"
}

// now returns the real time: the demo and its benchmark measure real durations.
func now() time.Time { return time.Now() } //nolint:forbidigo // see above

func since(t time.Time) time.Duration { return now().Sub(t) }
