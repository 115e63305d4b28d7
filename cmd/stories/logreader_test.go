//go:build unix

package stories

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/agent/doctor"
	"regent/agent/tms/emulator"
	"regent/ipc/api"
)

// Whoever reads the log ends: the daemon lives and shows how much it could not
// say; when somebody reads again, the log has it.
func TestLogReaderExits(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			s := newTestDevice(t, programs(t), emulator.Knobs{}, nil)
			config, err := os.ReadFile(filepath.Join(s.dir, "config.yaml"))
			must(t, err)
			s.write(t, "config.yaml", string(config)+"log: {format: "+format+"}\n")
			pipe := filepath.Join(s.dir, "log")
			must(t, syscall.Mkfifo(pipe, 0o600))
			reader := openFIFO(t, pipe, os.O_RDONLY|syscall.O_NONBLOCK)
			args := s.args()
			d := exec.Command(args[0], args[1:]...)
			out := openFIFO(t, pipe, os.O_WRONLY)
			d.Stdout, d.Stderr = out, out
			must(t, d.Start())
			must(t, out.Close())
			ended := make(chan error, 1)
			go func() { ended <- d.Wait() }()
			t.Cleanup(func() { _ = d.Process.Kill() })

			awaitLogLine(t, reader, "ready")
			must(t, reader.Close())
			lost := func(st api.Status) bool {
				for _, p := range st.Problems {
					if p.Source == doctor.LogSource && strings.Contains(p.Detail, "broken pipe") {
						return true
					}
				}
				return false
			}
			reloadUntil(t, s, d, ended, lost)

			reader = openFIFO(t, pipe, os.O_RDONLY|syscall.O_NONBLOCK)
			defer reader.Close()
			reloadUntil(t, s, d, ended, func(st api.Status) bool { return !lost(st) })
			awaitLogLine(t, reader, "lost")
			must(t, d.Process.Signal(syscall.SIGTERM))
			if err := <-ended; err != nil {
				t.Errorf("it ended with: %v", err)
			}
		})
	}
}

func openFIFO(t *testing.T, path string, flags int) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, flags, 0)
	must(t, err)
	return f
}

// awaitLogLine waits for a line with word.
func awaitLogLine(t *testing.T, log *os.File, word string) {
	t.Helper()
	must(t, log.SetReadDeadline(time.Now().Add(patience)))
	for sc := bufio.NewScanner(log); sc.Scan(); {
		if strings.Contains(sc.Text(), word) {
			return
		}
	}
	t.Fatalf("the log does not say %q", word)
}

// reloadUntil has the daemon log something, by reloading it, until its status is as
// wanted.
func reloadUntil(t *testing.T, s *testDevice, d *exec.Cmd, ended <-chan error, wanted func(api.Status) bool) {
	t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-ended:
			t.Fatalf("the daemon ended: %v", err)
		default:
		}
		_ = d.Process.Signal(syscall.SIGHUP) // one that has ended is seen above
		if st, err := s.client.Status(t.Context()); err == nil && wanted(st) {
			return
		}
	}
	t.Fatal("the status does not become as wanted")
}

// Go says of each package when it is initialized: the first one of ours, and the
// daemon hears SIGHUP.
func TestEarlyHangup(t *testing.T) {
	s := newTestDevice(t, programs(t), emulator.Knobs{}, nil)
	for range 10 {
		args := s.args()
		d := exec.Command(args[0], args[1:]...)
		d.Env = append(os.Environ(), "GODEBUG=inittrace=1")
		said, err := d.StderrPipe()
		must(t, err)
		must(t, d.Start())
		ready := false
		for sc := bufio.NewScanner(said); sc.Scan(); {
			switch line := sc.Text(); {
			case strings.HasPrefix(line, "init regent/"):
				must(t, d.Process.Signal(syscall.SIGHUP))
			case strings.Contains(line, "msg=ready"):
				ready = true
				must(t, d.Process.Signal(syscall.SIGTERM))
			}
		}
		if err := d.Wait(); err != nil || !ready {
			t.Fatalf("ready: %v, ended: %v", ready, err)
		}
	}
}
