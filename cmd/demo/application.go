package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// application is a running "demo app".
type application struct {
	*process
	in      io.WriteCloser
	out     io.Closer
	answers *json.Decoder // of out
}

// launchApp starts an application, which asks for nothing yet. With stays, it runs on after
// the story.
func (s *stage) launchApp(ctx context.Context, d *device, stays bool) (*application, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(context.WithoutCancel(ctx), self, "app", "-socket", d.socket, fmt.Sprintf("-stay=%t", stays)) //nolint:gosec // this program
	c.Env = s.env()
	if !stays { // one that stays would keep the reader of a pipe waiting
		c.Stderr = os.Stderr
	}
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p, err := s.begin(c)
	return &application{p, in, out, json.NewDecoder(out)}, err
}

// ask makes the application ask for a token, and returns its report.
func (a *application) ask(ctx context.Context) (answer, error) { return a.send(ctx, "") }

// searchFiles makes the application search the files below dir for its token.
func (a *application) searchFiles(ctx context.Context, dir string) error {
	got, err := a.send(ctx, dir)
	if err == nil && got.Problem != "" {
		err = errors.New(got.Problem)
	}
	return err
}

// send sends a line to the application, and returns its answer. It returns an error if ctx
// ends first.
func (a *application) send(ctx context.Context, line string) (got answer, err error) {
	stop := context.AfterFunc(ctx, func() { _ = a.out.Close() }) // it is the end either way
	defer stop()
	if _, err = io.WriteString(a.in, line+"\n"); err == nil {
		err = a.answers.Decode(&got)
	}
	if err != nil {
		err = fmt.Errorf("the application (pid %d) did not answer: %w", a.cmd.Process.Pid, err)
	}
	return got, err
}

// mustGet asks until there is a token, for a short time only.
func (a *application) mustGet(ctx context.Context) (answer, error) {
	var got answer
	err := retryUntil(ctx, shortTimeout, func() (err error) {
		if got, err = a.ask(ctx); err == nil && got.Problem != "" {
			err = fmt.Errorf("the application (pid %d) got no token: %s", a.cmd.Process.Pid, got.Problem)
		}
		return err
	})
	return got, err
}

// retryUntil is retryEvery with ten attempts a second.
func retryUntil(ctx context.Context, d time.Duration, f func() error) error {
	return retryEvery(ctx, 100*time.Millisecond, d, f)
}

// retryEvery calls f repeatedly until it returns no error, for at most d. Then it returns the
// last error of f.
func retryEvery(ctx context.Context, pause, d time.Duration, f func() error) error {
	again := time.NewTicker(pause)
	defer again.Stop()
	late := time.After(d)
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", context.Cause(ctx), err)
		case <-late:
			return fmt.Errorf("after %v: %w", d, err)
		case <-again.C:
		}
	}
}
