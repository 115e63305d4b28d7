package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"regent/agent/status"
)

// stage is where a story takes place: a directory with a part for each of its
// persons, and the processes that run.
type stage struct {
	dir       string // "D" in what is shown
	bin       string
	tenant    string // once the service runs
	dialect   string // of the service; "" is the emulator's default
	show      *transcript
	tokenLife time.Duration // of access tokens
	service   *process
	daemon    *process
	apps      []*application
}

// newStage makes the directory, and what is in it before anything runs.
func newStage(bin string, life time.Duration, show *transcript) (*stage, error) {
	dir, err := os.MkdirTemp("", "regent-demo-")
	if err != nil {
		return nil, err
	}
	s := &stage{dir: dir, bin: bin, tokenLife: life, show: show}
	for _, d := range []string{"service", "admin", "device"} {
		if err := os.Mkdir(s.at(d), 0o700); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	for _, f := range []string{"admin/password", "admin/client-secret"} {
		if err := os.WriteFile(s.at(f), []byte(rand.Text()+"\n"), 0o600); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	return s, nil
}

// at is a path in the directory.
func (s *stage) at(path string) string { return filepath.Join(s.dir, filepath.FromSlash(path)) }

// env is what the programs find in their environment: no secret, and nothing of
// an installed agent.
func (s *stage) env() []string {
	var env []string
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); name != "CREDENTIALS_DIRECTORY" {
			env = append(env, e)
		}
	}
	return append(env, "REGENT_SOCKET="+s.at("device/agent.sock"), "TMSCTL_TENANT="+s.tenant)
}

func (s *stage) program(name string) string { return filepath.Join(s.bin, name) }

// writeConfig writes the daemon's configuration and returns it.
func (s *stage) writeConfig() (string, error) {
	me, err := user.Current()
	name := strconv.Itoa(os.Getuid())
	if err == nil {
		name = me.Username
	}
	text := fmt.Sprintf(`tenant: %s
registration_token_file: %q
network:
  ca_file: %q
applications:
  - id: cad
    instances: 2
    allow:
      - users: [%q]
`, s.tenant, s.at("device/registration-token"), s.at("service/ca.pem"), name)
	return text, os.WriteFile(s.at("device/config.yaml"), []byte(text), 0o600)
}

// startService starts the emulator and learns its address.
func (s *stage) startService(ctx context.Context) (err error) {
	args := []string{
		"--ca-out", s.at("service/ca.pem"), "--access-lifetime", s.tokenLife.String(),
		"--admin-password-file", s.at("admin/password"), "--client-secret-file", s.at("admin/client-secret"), "--verbose",
		"--request-body", "strict",
	}
	if s.dialect != "" {
		args = append(args, "--dialect", s.dialect)
	}
	s.show.background("tms-emulator", args)
	log := s.at("service/emulator.log")
	if s.service, err = launch(ctx, log, s.env(), s.program("tms-emulator"), args...); err != nil {
		return err
	}
	return retryUntil(ctx, 10*time.Second, func() error {
		if err := s.service.running(); err != nil {
			return err
		}
		text, err := os.ReadFile(log) //nolint:gosec // the story's own directory
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

// startDaemon starts regentd and waits until it answers.
func (s *stage) startDaemon(ctx context.Context) (err error) {
	args := []string{
		"run", "--config", s.at("device/config.yaml"), "--policy-dir", s.at("device/policy.d"),
		"--state-dir", s.at("device/state"), "--socket", s.at("device/agent.sock"),
	}
	s.show.background("regentd", args)
	if s.daemon, err = launch(ctx, s.at("device/regentd.log"), s.env(), s.program("regentd"), args...); err != nil {
		return err
	}
	return retryUntil(ctx, 10*time.Second, func() error {
		if err := s.daemon.running(); err != nil {
			return err
		}
		_, err := s.status(ctx)
		return err
	})
}

// startApp starts one more application.
func (s *stage) startApp(ctx context.Context, stays bool) (*application, error) {
	a, err := launchApp(ctx, s.env(), stays)
	if err == nil {
		s.apps = append(s.apps, a)
	}
	return a, err
}

// close ends everything that runs.
func (s *stage) close() {
	for _, a := range s.apps {
		_ = a.stop() // it does not matter how
	}
	for _, p := range []*process{s.daemon, s.service} {
		if p != nil {
			_ = p.stop()
		}
	}
}

// logs are the ends of what the daemon and the service wrote.
func (s *stage) logs() string {
	var b strings.Builder
	for _, log := range []string{"device/regentd.log", "service/emulator.log"} {
		fmt.Fprintf(&b, "\nthe end of %s:\n%s", s.at(log), tail(s.at(log), 20))
	}
	return b.String()
}

// do runs a program to its end, which must be exit code 0, and shows what was
// typed and what came.
func (s *stage) do(ctx context.Context, name string, args ...string) error {
	return s.doUntil(ctx, 0, name, args...)
}

// doUntil is do for another exit code.
func (s *stage) doUntil(ctx context.Context, code int, name string, args ...string) error {
	s.show.command(name, args)
	out, err := s.output(ctx, name, args...)
	s.show.output(string(out))
	if code == 0 {
		return err
	}
	s.show.text("exit code %d", code)
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != code {
		return fmt.Errorf("%s %s did not end with exit code %d: %w", name, args[0], code, err)
	}
	return nil
}

// output runs a program to its end, unseen.
func (s *stage) output(ctx context.Context, name string, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(ctx, s.program(name), args...) //nolint:gosec // the programs that were just built
	c.Env, c.Stdout, c.Stderr = s.env(), &stdout, &stderr
	if err := c.Run(); err != nil {
		return stdout.Bytes(), fmt.Errorf("%s %s: %w: %s", name, args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.Bytes(), nil
}

// status asks the daemon through regent status --json. That it is not well
// shows in what it says, and in the exit code: here the first is looked at.
func (s *stage) status(ctx context.Context) (status.Status, error) {
	var st status.Status
	out, err := s.output(ctx, "regent", "status", "--json")
	if len(out) == 0 {
		return st, err
	}
	if err := json.Unmarshal(out, &st); err != nil {
		return st, fmt.Errorf("regent status --json: %w", err)
	}
	return st, nil
}

// admin is the command line of the Contact Administrator.
func (s *stage) admin(args ...string) []string {
	return append(args, "--user", "admin", "--password-file", s.at("admin/password"), "--ca-file", s.at("service/ca.pem"))
}

// adminJSON asks the service what the administrator would see.
func (s *stage) adminJSON(ctx context.Context, v any, args ...string) error {
	out, err := s.output(ctx, "tmsctl", s.admin(append(args, "--json")...)...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, v); err != nil {
		return fmt.Errorf("tmsctl %s --json: %w", strings.Join(args, " "), err)
	}
	return nil
}
