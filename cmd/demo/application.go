package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// application is a running "demo app".
type application struct {
	*process
	in, out *os.File // its input and output, our ends
	answers *bufio.Reader
}

// launchApp starts an application, which asks for nothing yet. One that stays
// outlives the story.
func (s *stage) launchApp(ctx context.Context, d *device, stays bool) (*application, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"app", "-socket", d.socket}
	if stays {
		args = append(args, "-stay")
	}
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirIn.Close() //nolint:errcheck // the process has its own
	out, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	defer theirOut.Close()                                              //nolint:errcheck // the process has its own
	c := exec.CommandContext(context.WithoutCancel(ctx), self, args...) //nolint:gosec // this program
	c.Env, c.Stdin, c.Stdout, c.Stderr = s.env(), theirIn, theirOut, os.Stderr
	p, err := s.begin(c)
	if err != nil {
		return nil, errors.Join(err, in.Close(), out.Close())
	}
	return &application{p, in, out, bufio.NewReader(out)}, nil
}

// ask makes the application ask for a token, and returns what it says of it.
func (a *application) ask(ctx context.Context) (answer, error) { return a.send(ctx, "") }

// searchFiles makes the application look for its token in the files below dir.
func (a *application) searchFiles(ctx context.Context, dir string) error {
	got, err := a.send(ctx, dir)
	if err == nil && got.Problem != "" {
		err = errors.New(got.Problem)
	}
	return err
}

// send gives the application a line, and returns its answer.
func (a *application) send(ctx context.Context, line string) (answer, error) {
	var got answer
	if deadline, ok := ctx.Deadline(); ok {
		_ = a.out.SetReadDeadline(deadline) // where there is none, the story's end ends it
	}
	if _, err := a.in.WriteString(line + "\n"); err != nil {
		return got, fmt.Errorf("the application (pid %d) is gone: %w", a.cmd.Process.Pid, err)
	}
	text, err := a.answers.ReadBytes('\n')
	if err != nil {
		return got, fmt.Errorf("the application (pid %d) did not answer: %w", a.cmd.Process.Pid, err)
	}
	if err := json.Unmarshal(text, &got); err != nil {
		return got, fmt.Errorf("the application (pid %d) answered %q: %w", a.cmd.Process.Pid, text, err)
	}
	return got, nil
}

// mustGet asks until there is a token, which must be soon.
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

// retryUntil does f again and again until it returns no error, for as long as d. The
// error is the last one of f.
func retryUntil(ctx context.Context, d time.Duration, f func() error) error {
	again := time.NewTicker(100 * time.Millisecond)
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
