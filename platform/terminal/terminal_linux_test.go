package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// pty returns both ends of a new terminal: what is typed, and what a program
// reads.
func pty(t *testing.T) (keys, screen *os.File) {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	fd := int(keys.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // what still reads ends with the first of them
		if err := errors.Join(keys.Close(), screen.Close()); err != nil {
			t.Error(err)
		}
	})
	return keys, screen
}

func echoes(t *testing.T, f *os.File) bool {
	t.Helper()
	modes, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return modes.Lflag&unix.ECHO != 0
}

func TestReadSecret(t *testing.T) {
	keys, screen := pty(t)
	asked := signaller{make(chan string, 4)}
	go func() {
		<-asked.texts
		fmt.Fprintln(keys, "open sesame")
	}()
	got, err := ReadSecret(t.Context(), screen, asked, "Password: ")
	if err != nil || string(got) != "open sesame" {
		t.Errorf("got %q, %v", got, err)
	}
	if !IsTerminal(screen) || !echoes(t, screen) {
		t.Error("the terminal is not as it was")
	}
}

// A program that is told to end gives the terminal back, though nobody typed.
func TestReadSecretCanceled(t *testing.T) {
	_, screen := pty(t)
	ctx, cancel := context.WithCancel(t.Context())
	asked := signaller{make(chan string, 4)}
	go func() {
		<-asked.texts
		cancel()
	}()
	got, err := ReadSecret(ctx, screen, asked, "Password: ")
	if !errors.Is(err, context.Canceled) || got != nil {
		t.Errorf("got %q, %v, want %v", got, err, context.Canceled)
	}
	if !echoes(t, screen) {
		t.Error("what is typed next stays hidden")
	}
}

// TestReadSecretAtASignal: Ctrl-\ and a hangup restore the terminal.
func TestReadSecretAtASignal(t *testing.T) {
	for _, sig := range []unix.Signal{unix.SIGQUIT, unix.SIGHUP} {
		_, screen := pty(t)
		asked := signaller{make(chan string, 4)}
		go func() {
			<-asked.texts
			if err := unix.Kill(os.Getpid(), sig); err != nil {
				t.Error(err)
			}
		}()
		got, err := ReadSecret(t.Context(), screen, asked, "Password: ")
		if !errors.Is(err, context.Canceled) || got != nil {
			t.Errorf("%v: got %q, %v, want %v", sig, got, err, context.Canceled)
		}
		if !echoes(t, screen) {
			t.Errorf("%v: the input stays hidden", sig)
		}
	}
}

// TestReadSecretAtTheEnd: Ctrl-D is no empty answer.
func TestReadSecretAtTheEnd(t *testing.T) {
	keys, screen := pty(t)
	asked := signaller{make(chan string, 4)}
	go func() {
		<-asked.texts
		fmt.Fprint(keys, "\x04")
	}()
	if got, err := ReadSecret(t.Context(), screen, asked, "Password: "); !errors.Is(err, io.EOF) || len(got) > 0 {
		t.Errorf("got %q, %v, want %v", got, err, io.EOF)
	}
	if !echoes(t, screen) {
		t.Error("the input stays hidden")
	}
}

func TestAwaitReturnsWhatWasRead(t *testing.T) {
	broken := errors.New("broken")
	got, err := Await(t.Context(), func() (int, error) { return 3, broken })
	if got != 3 || !errors.Is(err, broken) {
		t.Errorf("got %d, %v, want 3 and %v", got, err, broken)
	}
}

func TestConfirmRequiresYes(t *testing.T) {
	for typed, want := range map[string]bool{"y\n": true, "Yes\r\n": true, "n\n": false, "\n": false, "": false, "yesterday\n": false} {
		got, err := Confirm(t.Context(), strings.NewReader(typed), &strings.Builder{}, "Sure?")
		if got != want || err != nil {
			t.Errorf("%q: got %v, %v, want %v", typed, got, err, want)
		}
	}
}

func TestConfirmCanceled(t *testing.T) {
	_, screen := pty(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := Confirm(ctx, screen, &strings.Builder{}, "Sure?"); got || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v, want %v", got, err, context.Canceled)
	}
}

// Who asks next reads the same terminal.
func TestLineReadsNoByteTooMany(t *testing.T) {
	typed := strings.NewReader("one\r\ntwo")
	for _, want := range []string{"one", "two", ""} {
		if got, err := readLine(typed); string(got) != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if _, err := readLine(strings.NewReader(strings.Repeat("x", maxLine))); err == nil {
		t.Error("a line without end was taken")
	}
}

func TestAFileIsNoTerminal(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if IsTerminal(f) {
		t.Error("a file is taken for a terminal")
	}
	if _, err := ReadSecret(t.Context(), f, &strings.Builder{}, "?"); err == nil {
		t.Error("a file was asked")
	}
}

// signaller passes on what is written.
type signaller struct{ texts chan string }

func (s signaller) Write(b []byte) (int, error) {
	s.texts <- string(b)
	return len(b), nil
}

func TestAskReturnsOneLine(t *testing.T) {
	typed := strings.NewReader(" cad \r\n\nno line end")
	for _, want := range []string{"cad", "", "no line end"} {
		var screen strings.Builder
		if got, err := Ask(t.Context(), typed, &screen, "Which"); got != want || err != nil || screen.String() != "Which: " {
			t.Errorf("got %q, %v after %q, want %q", got, err, screen.String(), want)
		}
	}
	if _, err := Ask(t.Context(), typed, &strings.Builder{}, "Which"); !errors.Is(err, io.EOF) {
		t.Errorf("at the end of the input: got %v, want %v", err, io.EOF)
	}
}
