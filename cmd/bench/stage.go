package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"regent/agent/status"
	"regent/ipc/api"
	"regent/ipc/client"
)

// startTimeout bounds the wait for a program to be ready; farewell for its end.
const (
	startTimeout = time.Minute
	stopTimeout  = 20 * time.Second
)

// stage is a directory with the real programs at work in it.
type stage struct {
	dir, bin string
	tenant   string // once the service runs
	running  []*exec.Cmd
}

func newStage(bin string) (*stage, error) {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "regent-bench-")
	if err != nil {
		return nil, err
	}
	s := &stage{dir: dir, bin: bin}
	if err := os.WriteFile(s.at("password"), []byte(rand.Text()+"\n"), 0o600); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *stage) at(name string) string { return filepath.Join(s.dir, name) }

// close ends everything that runs, and wipes the directory.
func (s *stage) close() error {
	var errs []error
	for _, c := range slices.Backward(s.running) {
		errs = append(errs, stop(c))
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

func stop(c *exec.Cmd) error {
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		return nil // it has ended, and was waited for
	}
	late := time.AfterFunc(stopTimeout, func() { _ = c.Process.Kill() }) // it ends then, or had ended
	defer late.Stop()
	if err := c.Wait(); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(c.Path), err)
	}
	return nil
}

// launch starts a program whose output goes to a file of the stage.
func (s *stage) launch(ctx context.Context, log, program string, args ...string) (*exec.Cmd, error) {
	f, err := os.OpenFile(s.at(log), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()                                                        //nolint:errcheck // the process has its own
	c := exec.CommandContext(context.WithoutCancel(ctx), program, args...) //nolint:gosec // the programs that were just built
	c.Stdout, c.Stderr = f, f
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("%w; run make build first", err)
	}
	s.running = append(s.running, c)
	return c, nil
}

// stopProgram stops one program before the others.
func (s *stage) stopProgram(c *exec.Cmd) error {
	s.running = slices.DeleteFunc(s.running, func(one *exec.Cmd) bool { return one == c })
	return stop(c)
}

// startService starts the emulator and learns its address.
func (s *stage) startService(ctx context.Context) error {
	_, err := s.launch(ctx, "emulator.log", filepath.Join(s.bin, "tms-emulator"), "--ca-out", s.at("ca.pem"), "--admin-password-file", s.at("password"))
	if err != nil {
		return err
	}
	return retryUntil(ctx, func() error {
		text, err := os.ReadFile(s.at("emulator.log"))
		if err != nil {
			return err
		}
		_, rest, found := strings.Cut(string(text), "listening on ")
		address, _, whole := strings.Cut(rest, "\n")
		if !found || !whole {
			return errors.New("tms-emulator does not say where it listens")
		}
		s.tenant = address
		return nil
	})
}

// daemon is a regentd with as many instances of the application as its name says.
type daemon struct {
	*exec.Cmd
	name   string
	socket string
}

// newDaemon starts a daemon and has all its instances redeemed.
func (s *stage) newDaemon(ctx context.Context, instances int) (*daemon, error) {
	d := &daemon{name: "device-" + strconv.Itoa(instances)}
	d.socket = s.at(d.name + ".sock")
	config := fmt.Sprintf(`tenant: %s
network: {ca_file: %q}
limits: {redeem_splay: 0s}
log: {level: warn}
applications:
  - id: cad
    instances: %d
    allow: [{users: ["%d"]}]
`, s.tenant, s.at("ca.pem"), instances, os.Getuid())
	// A directory of its own: the daemon watches the one of its configuration.
	if err := os.MkdirAll(s.at(d.name+"/etc"), 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.config(d), []byte(config), 0o600); err != nil {
		return nil, err
	}
	if err := s.startDaemon(ctx, d); err != nil {
		return nil, err
	}
	token := s.at(d.name + ".token")
	if err := s.do(ctx, "tmsctl", "--tenant", s.tenant, "--user", "admin", "--password-file", s.at("password"), "--ca-file", s.at("ca.pem"),
		"registration-token", "create", "--count", strconv.Itoa(instances), "--out", token); err != nil {
		return nil, err
	}
	if err := s.do(ctx, "regent", "--socket", d.socket, "register", "--file", token); err != nil {
		return nil, err
	}
	return d, d.await(ctx, instances)
}

func (s *stage) config(d *daemon) string { return s.at(d.name + "/etc/config.yaml") }

func (s *stage) runDaemon(ctx context.Context, d *daemon) (*exec.Cmd, error) {
	return s.launch(ctx, d.name+".log", filepath.Join(s.bin, "regentd"), "run", "--config", s.config(d),
		"--policy-dir", s.at(d.name+"/policy.d"), "--state-dir", s.at(d.name+"/state"), "--socket", d.socket)
}

// startDaemon starts the daemon, over the state that it has.
func (s *stage) startDaemon(ctx context.Context, d *daemon) (err error) {
	if d.Cmd, err = s.runDaemon(ctx, d); err != nil {
		return err
	}
	return retryUntil(ctx, func() error {
		_, err := os.Stat(d.socket)
		return err
	})
}

// await waits until every instance can be served.
func (d *daemon) await(ctx context.Context, instances int) error {
	c := client.New(client.Options{Socket: d.socket})
	defer c.Close()
	return retryUntil(ctx, func() error {
		st, err := c.Status(ctx)
		if err != nil {
			return err
		}
		if st.Health != status.Serving {
			return fmt.Errorf("%s: %s", d.name, st.Summary)
		}
		_, err = c.Token(ctx, api.TokenRequest{Application: "cad", Instance: strconv.Itoa(instances)})
		if err == nil {
			err = c.Release(ctx, "cad", strconv.Itoa(instances))
		}
		return err
	})
}

// do runs a program to its end.
func (s *stage) do(ctx context.Context, program string, args ...string) error {
	var said bytes.Buffer
	c := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...) //nolint:gosec // the programs that were just built
	c.Stdout, c.Stderr = &said, &said
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

// retryUntil tries again and again until there is no error any more.
func retryUntil(ctx context.Context, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("given up: %w", err)
		case <-time.After(pause):
		}
	}
}
