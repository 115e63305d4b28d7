//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// stage has the directory of all cases, and the emulator once a case needs it.
type stage struct {
	dir, bin string
	tenant   string
	token    []byte // a registration token with many counts
	emulator *exec.Cmd
	made     int // directories of cases
}

func newStage(_ context.Context, bin string) (*stage, error) {
	dir, err := os.MkdirTemp("", "regent-sdk-")
	if err != nil {
		return nil, err
	}
	// An impostor is another user: it has to reach its own folder.
	return &stage{dir: dir, bin: bin}, os.Chmod(dir, 0o755)
}

func (s *stage) close() {
	if s.emulator != nil {
		stop(s.emulator)
	}
	_ = os.RemoveAll(s.dir)
}

func stop(c *exec.Cmd) {
	_ = c.Process.Signal(syscall.SIGTERM)
	_ = c.Wait()
}

// start starts the other side of a case.
func (s *stage) start(ctx context.Context, c testCase) (server, error) {
	s.made++
	dir := filepath.Join(s.dir, fmt.Sprint(s.made))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "agent.sock")
	switch c.Server {
	case "scripted":
		return listenScripted(path, c.Replies)
	case "real":
		return s.startDevice(ctx, dir)
	case "impostor":
		return startImpostor(ctx, dir, path)
	case "left over":
		return listenLeftOver(path)
	case "none":
		return absent{path, func() error { return nil }}, nil
	}
	return nil, fmt.Errorf("case %s: unknown server %q", c.Name, c.Server)
}

// startService starts the emulator and creates the registration token.
func (s *stage) startService(ctx context.Context) error {
	password := filepath.Join(s.dir, "password")
	if err := os.WriteFile(password, []byte("conformance-1\n"), 0o600); err != nil {
		return err
	}
	s.emulator = exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(s.bin, "tms-emulator"), "--ca-out", s.ca(), "--admin-password-file", password)
	out, err := s.emulator.StdoutPipe()
	if err == nil {
		err = s.emulator.Start()
	}
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(out); s.tenant == ""; {
		if !lines.Scan() {
			return fmt.Errorf("tms-emulator does not say where it listens: %w", lines.Err())
		}
		_, s.tenant, _ = strings.Cut(lines.Text(), "listening on ")
	}
	go io.Copy(io.Discard, out) // until the emulator ends
	file := filepath.Join(s.dir, "registration-token")
	create := exec.CommandContext(ctx, filepath.Join(s.bin, "tmsctl"), "registration-token", "create", "--count", "500", "--out", file,
		"--tenant", s.tenant, "--ca-file", s.ca(), "--user", "admin", "--password-file", password)
	create.Env = append(os.Environ(), "HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir)
	if text, err := create.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, text)
	}
	s.token, err = os.ReadFile(file)
	return err
}

func (s *stage) ca() string { return filepath.Join(s.dir, "ca.pem") }

// realDevice is a regentd with two instances of cad.
type realDevice struct {
	s      *stage
	dir    string
	daemon *exec.Cmd
	log    *os.File
}

func (s *stage) startDevice(ctx context.Context, dir string) (server, error) {
	if s.emulator == nil {
		if err := s.startService(ctx); err != nil {
			return nil, err
		}
	}
	config := fmt.Sprintf(`tenant: %s
registration_token_file: %s/registration-token
network: {ca_file: %s, proxy: none}
limits: {redeem_splay: 0s, refresh_floor: 5s}
applications:
  - {id: cad, instances: 2, allow: [{everyone: true}]}
  - {id: closed, instances: 1, redeem: on_demand}
`, s.tenant, dir, s.ca())
	err := errors.Join(os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(config), 0o600),
		os.WriteFile(filepath.Join(dir, "registration-token"), s.token, 0o600))
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "regentd.log"))
	if err != nil {
		return nil, err
	}
	d := &realDevice{s: s, dir: dir, log: log}
	if err := d.launch(ctx); err != nil {
		return d, err
	}
	return d, d.awaitTokens(ctx)
}

// awaitTokens waits until every instance has an auth token.
func (d *realDevice) awaitTokens(ctx context.Context) error {
	for {
		status := exec.CommandContext(ctx, filepath.Join(d.s.bin, "regent"), "status", "--json")
		status.Env = append(os.Environ(), "REGENT_SOCKET="+d.socket())
		text, err := status.Output()
		if strings.Count(strings.ReplaceAll(string(text), " ", ""), `"state":"live"`) == 2 {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("regentd has no tokens: %w: %s", err, text)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// launch starts the daemon and waits until it answers.
func (d *realDevice) launch(ctx context.Context) error {
	d.daemon = exec.Command(filepath.Join(d.s.bin, "regentd"), "run", "--config", d.dir+"/config.yaml", "--policy-dir", d.dir+"/policy.d",
		"--state-dir", d.dir+"/state", "--socket", d.socket())
	d.daemon.Stdout, d.daemon.Stderr = d.log, d.log
	if err := d.daemon.Start(); err != nil {
		return err
	}
	for {
		c, err := net.Dial("unix", d.socket())
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("regentd does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (d *realDevice) socket() string       { return d.dir + "/agent.sock" }
func (d *realDevice) check(testCase) error { return nil }

func (d *realDevice) restart(ctx context.Context) error {
	stop(d.daemon)
	return d.launch(ctx)
}

func (d *realDevice) close() {
	stop(d.daemon)
	_ = d.log.Close()
}

// impostor is another user who listens first. It counts the bytes that it gets.
type impostor struct {
	path string
	cmd  *exec.Cmd
	out  io.Reader
}

const nobody = 65534

// listener is the impostor's program: it prints what it reads.
const listener = `import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1]); s.listen(8); print("ready", flush=True)
while True:
    c = s.accept()[0]
    c.settimeout(2)
    try:
        got = c.recv(4096)
    except OSError:
        got = b""
    print("read %d" % len(got), flush=True)
    c.close()
`

func startImpostor(ctx context.Context, dir, path string) (server, error) {
	if os.Getuid() != 0 {
		return nil, errors.New("an impostor needs root, who starts a program as another user")
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, "/usr/bin/python3", "-c", listener, path)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		return nil, err
	}
	ready := make([]byte, len("ready\n"))
	_, err = io.ReadFull(out, ready)
	return &impostor{path, c, out}, err
}

func (i *impostor) socket() string                { return i.path }
func (i *impostor) restart(context.Context) error { return errors.New("an impostor stays") }
func (i *impostor) close()                        { _ = i.cmd.Process.Kill(); _ = i.cmd.Wait() }

// check fails if the impostor read something. A library may refuse before it connects.
func (i *impostor) check(testCase) error {
	time.Sleep(300 * time.Millisecond) // it reads at once what is there
	_ = i.cmd.Process.Kill()
	text, err := io.ReadAll(i.out)
	if err == nil && strings.Trim(string(text), "read 0\n") != "" {
		err = fmt.Errorf("the impostor was sent something: %s", text)
	}
	return err
}
