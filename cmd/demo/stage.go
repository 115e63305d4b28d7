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
	"slices"
	"strconv"
	"strings"
	"time"

	"regent/agent/status"
)

// stage is a directory in which the real programs work. The service, the administrator and
// each device have their own part.
type stage struct {
	dir     string // shown as $D
	bin     string // where the programs are
	tenant  string // once the service runs
	show    *transcript
	service *process
	running []*process // all that was started, in that order
}

// newStage creates the directory, and its content before anything runs.
func newStage(bin string, show *transcript) (*stage, error) {
	dir, err := os.MkdirTemp("", "regent-demo-")
	if err != nil {
		return nil, err
	}
	s := &stage{dir: dir, bin: bin, show: show}
	err = errors.Join(os.Mkdir(s.at("service"), 0o700), os.Mkdir(s.at("admin"), 0o700),
		os.WriteFile(s.at("admin/password"), []byte(rand.Text()+"\n"), 0o600),
		os.WriteFile(s.at("admin/client-secret"), []byte(rand.Text()+"\n"), 0o600))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// at returns a path in the directory.
func (s *stage) at(path string) string { return filepath.Join(s.dir, filepath.FromSlash(path)) }

// env is the environment of the programs. It contains no secret, and nothing of an installed
// agent.
func (s *stage) env() []string {
	env := slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "CREDENTIALS_DIRECTORY=") })
	return append(env, "REGENT_SOCKET="+s.at("device/agent.sock"), "TMSCTL_TENANT="+s.tenant)
}

func (s *stage) program(name string) string { return filepath.Join(s.bin, name) }

// launch starts a program, and appends its output to a log file of the stage.
func (s *stage) launch(ctx context.Context, log, name string, args ...string) (*process, error) {
	f, err := os.OpenFile(s.at(log), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()                                                                //nolint:errcheck // the process has its own
	c := exec.CommandContext(context.WithoutCancel(ctx), s.program(name), args...) //nolint:gosec // the programs that were just built
	c.Env, c.Stdout, c.Stderr = s.env(), f, f
	return s.begin(c)
}

// begin starts a command. close ends it.
func (s *stage) begin(c *exec.Cmd) (*process, error) {
	p, err := begin(c)
	if err == nil {
		s.running = append(s.running, p)
	}
	return p, err
}

// startService starts the emulator and learns its address.
func (s *stage) startService(ctx context.Context, more ...string) (err error) {
	args := append([]string{"--ca-out", s.at("service/ca.pem"), "--admin-password-file", s.at("admin/password")}, more...)
	s.show.command("tms-emulator", args, " &")
	if s.service, err = s.launch(ctx, "service/emulator.log", "tms-emulator", args...); err != nil {
		return err
	}
	return retryUntil(ctx, startTimeout, func() error {
		if err := s.service.running(); err != nil {
			return err
		}
		text, err := os.ReadFile(s.at("service/emulator.log"))
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

// device is a machine with a regentd, which may be running.
type device struct {
	*process
	name   string // of its directory
	socket string
}

// newDevice creates a device with instances of one application, which this user may use. more
// are additional lines of its configuration, which is returned.
func (s *stage) newDevice(name string, instances int, more string) (d *device, config string, err error) {
	me := strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		me = u.Username
	}
	config = fmt.Sprintf(`tenant: %s
%snetwork:
  ca_file: %q
applications:
  - id: cad
    instances: %d
    allow:
      - users: [%q]
`, s.tenant, more, s.at("service/ca.pem"), instances, me)
	d = &device{name: name, socket: s.at(name + "/agent.sock")}
	// A directory of its own: the daemon watches the one of its configuration.
	if err := os.MkdirAll(s.at(name+"/etc"), 0o700); err != nil {
		return nil, "", err
	}
	return d, config, os.WriteFile(s.at(name+"/etc/config.yaml"), []byte(config), 0o600)
}

// launchDaemon starts the regentd of a device with its existing state.
func (s *stage) launchDaemon(ctx context.Context, d *device) (err error) {
	args := []string{
		"run", "--config", s.at(d.name + "/etc/config.yaml"), "--policy-dir", s.at(d.name + "/etc/policy.d"),
		"--state-dir", s.at(d.name + "/state"), "--socket", d.socket,
	}
	s.show.command("regentd", args, " &")
	d.process, err = s.launch(ctx, d.name+"/regentd.log", "regentd", args...)
	return err
}

// startDaemon starts the regentd of a device and waits until it answers.
func (s *stage) startDaemon(ctx context.Context, d *device) error {
	if err := s.launchDaemon(ctx, d); err != nil {
		return err
	}
	return s.statusUntil(ctx, startTimeout, d, func(status.Status) error { return d.running() })
}

// close ends all running programs, the last one first.
func (s *stage) close() error {
	var errs []error
	for _, p := range slices.Backward(s.running) {
		errs = append(errs, p.stop())
	}
	return errors.Join(errs...)
}

// logs returns the last lines of the daemon's and the service's logs.
func (s *stage) logs() string {
	var b strings.Builder
	for _, log := range []string{"device/regentd.log", "service/emulator.log"} {
		fmt.Fprintf(&b, "\nthe end of %s:\n%s", s.at(log), tail(s.at(log), 20))
	}
	return b.String()
}

// do runs a program to its end and shows the command and its output. The exit code must be 0.
func (s *stage) do(ctx context.Context, name string, args ...string) error {
	return s.doUntil(ctx, 0, name, args...)
}

// doUntil is do for another exit code.
func (s *stage) doUntil(ctx context.Context, code int, name string, args ...string) error {
	s.show.command(name, args, "")
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

// output runs a program to its end without showing it.
func (s *stage) output(ctx context.Context, name string, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(ctx, s.program(name), args...) //nolint:gosec // the programs that were just built
	c.Env, c.Stdout, c.Stderr = s.env(), &stdout, &stderr
	if err := c.Run(); err != nil {
		return stdout.Bytes(), fmt.Errorf("%s %s: %w: %s", name, args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.Bytes(), nil
}

// status asks a daemon through regent status --json. The exit code also reports problems, but
// the checks use only the output.
func (s *stage) status(ctx context.Context, d *device) (status.Status, error) {
	var st status.Status
	if err := s.outputJSON(ctx, &st, "regent", "--socket", d.socket, "status"); st.Health == "" {
		return st, err
	}
	return st, nil
}

// statusUntil asks a daemon until its status passes a check, for at most wait.
func (s *stage) statusUntil(ctx context.Context, wait time.Duration, d *device, check func(status.Status) error) error {
	return retryUntil(ctx, wait, func() error {
		st, err := s.status(ctx, d)
		if err != nil {
			return err
		}
		return check(st)
	})
}

// admin returns the command line of the Contact Administrator.
func (s *stage) admin(args ...string) []string {
	return append(args, "--user", "admin", "--password-file", s.at("admin/password"), "--ca-file", s.at("service/ca.pem"))
}

// adminJSON asks the service as the administrator.
func (s *stage) adminJSON(ctx context.Context, v any, args ...string) error {
	return s.outputJSON(ctx, v, "tmsctl", s.admin(args...)...)
}

// outputJSON parses the output of a program with --json, and returns the program's result.
func (s *stage) outputJSON(ctx context.Context, v any, name string, args ...string) error {
	out, err := s.output(ctx, name, append(args, "--json")...)
	if len(out) == 0 {
		return err
	}
	if e := json.Unmarshal(out, v); e != nil {
		return fmt.Errorf("%s %s --json: %w", name, strings.Join(args, " "), e)
	}
	return err
}
