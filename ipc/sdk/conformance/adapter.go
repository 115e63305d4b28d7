//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// adapter is a process that uses a library: it reads a command a line and prints an
// answer a line.
type adapter struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers chan string // closed at the end of its output
	stderr  strings.Builder
}

// startAdapter starts an adapter and opens a source of the application cad.
func startAdapter(ctx context.Context, command []string, socket string) (*adapter, error) {
	a := &adapter{cmd: exec.CommandContext(ctx, command[0], command[1:]...), answers: make(chan string)}
	a.cmd.Env = append(os.Environ(), "REGENT_SOCKET="+socket)
	a.cmd.Stderr = &a.stderr
	out, err := a.cmd.StdoutPipe()
	if err == nil {
		a.in, err = a.cmd.StdinPipe()
	}
	if err == nil {
		err = a.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	go func() { // ends with the output
		defer close(a.answers)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			a.answers <- lines.Text()
		}
	}()
	return a, nil
}

// ask sends a command and returns the answer.
func (a *adapter) ask(command string) (string, error) {
	if _, err := fmt.Fprintln(a.in, command); err != nil {
		return "", err
	}
	select {
	case answer, ok := <-a.answers:
		if !ok {
			return "", errors.New("the adapter ended")
		}
		return answer, nil
	case <-time.After(time.Minute):
		return "", errors.New("no answer within 1 m")
	}
}

// close ends the adapter, which must succeed.
func (a *adapter) close() error {
	_ = a.in.Close()
	kill := time.AfterFunc(time.Minute, func() { _ = a.cmd.Process.Kill() })
	for range a.answers { // until its output ends
	}
	err := a.cmd.Wait()
	kill.Stop()
	if a.stderr.Len() > 0 {
		fmt.Fprint(os.Stderr, a.stderr.String())
	}
	return err
}
