package stories

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"regent/cmd/completion"
)

// shell is a shell in a terminal of its own.
type shell struct {
	keys   *os.File // what is typed
	screen *logFile
}

// completionEnv is the environment of a shell of a device.
func completionEnv(device *testDevice) []string {
	share := filepath.Join(device.dir, "share")
	return []string{
		"TERM=dumb", "LC_ALL=C.UTF-8", "SHARE=" + share, "XDG_DATA_DIRS=" + share + ":/usr/share",
		"BASH_COMPLETION_USER_DIR=" + filepath.Join(share, "bash-completion"),
		"PATH=" + device.bin + ":" + os.Getenv("PATH"),
		"REGENT_SOCKET=" + device.socket(), "TMSCTL_PROFILES=" + filepath.Join(device.dir, "profiles.yaml"),
		"fish_autosuggestion_enabled=0", "fish_greeting=",
	}
}

// startShell starts a shell. Each one has a home of its own, for what it writes there.
func startShell(t *testing.T, device *testDevice, args []string) *shell {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	fd := int(keys.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	err = errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0),
		unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 120}))
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(completionEnv(device), "HOME="+t.TempDir())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &shell{keys: keys, screen: &logFile{}}
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		_, _ = io.Copy(s.screen, keys) // it ends with an error once the shell has
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		<-shown
		_ = keys.Close()
	})
	return s
}

// say types a line.
func (s *shell) say(t *testing.T, line string) {
	t.Helper()
	if _, err := s.keys.WriteString(line + "\r"); err != nil {
		t.Fatal(err)
	}
}

// prompt waits until the shell runs what is typed.
func (s *shell) prompt(t *testing.T) {
	t.Helper()
	from := len(s.screen.String())
	s.say(t, `printf '<%s>' ready END''x`)
	s.await(t, from, regexp.MustCompile(`<ready><ENDx>`))
}

// complete types a line and TAB, and returns the words that the shell would run, each in < and >.
func (s *shell) complete(t *testing.T, line string) string {
	t.Helper()
	from := len(s.screen.String())
	const start, end = "\x01", "\x05" // of the line, for each of these shells
	s.say(t, line+"\t"+start+`printf '<%s>' `+end+` END''x`)
	return s.await(t, from, regexp.MustCompile(`(<(?:regent|tmsctl)>.*)<ENDx>`))
}

// completeInTime is complete. A TAB that took longer than the programs have for an answer
// completes nothing, and is pressed again.
func (s *shell) completeInTime(t *testing.T, line string) string {
	t.Helper()
	for until := time.Now().Add(patience); ; {
		began := time.Now()
		got := s.complete(t, line)
		if time.Since(began) < completion.AnswerTimeout || time.Now().After(until) {
			return got
		}
	}
}

// list types keys, and waits for the texts of the choices.
func (s *shell) list(t *testing.T, keys string, texts ...string) {
	t.Helper()
	from := len(s.screen.String())
	if _, err := s.keys.WriteString(keys); err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		s.await(t, from, regexp.MustCompile(`(`+regexp.QuoteMeta(text)+`)`))
	}
}

// await returns the first group of a text on the screen.
func (s *shell) await(t *testing.T, from int, text *regexp.Regexp) string {
	t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if m := text.FindStringSubmatch(s.screen.String()[from:]); m != nil {
			return strings.Join(m[1:], "")
		}
	}
	t.Fatalf("the screen does not show %v:\n%q", text, s.screen.String()[from:])
	return ""
}
