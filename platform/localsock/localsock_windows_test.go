package localsock_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/windows"

	"regent/platform/layout"
	"regent/platform/localsock"
)

func name(t *testing.T) string {
	return fmt.Sprintf(`\\.\pipe\regent-test-%d-%s`, os.Getpid(), t.Name())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestReadWrite(t *testing.T) {
	l, err := localsock.Listen(name(t))
	must(t, err)
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		io.Copy(c, c)
	}()
	c, err := localsock.Dial(t.Context(), name(t))
	must(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "hello")
	must(t, err)
	b := make([]byte, 5)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "hello" {
		t.Errorf("got %q, %v", b, err)
	}
}

// TestAccess reads back what the pipe was made with.
func TestAccess(t *testing.T) {
	l, err := localsock.Listen(name(t))
	must(t, err)
	defer l.Close()
	go l.Accept()
	c, err := localsock.Dial(t.Context(), name(t))
	must(t, err)
	defer c.Close()
	pipe := windows.Handle(c.(interface{ Fd() uintptr }).Fd())
	sd, err := windows.GetSecurityInfo(pipe, windows.SE_KERNEL_OBJECT, windows.DACL_SECURITY_INFORMATION)
	must(t, err)
	want, err := windows.SecurityDescriptorFromString(layout.PipeAccess)
	must(t, err)
	if sd.String() != want.String() {
		t.Errorf("got %s, want %s", sd, want)
	}
}

func TestNoListener(t *testing.T) {
	if _, err := localsock.Dial(t.Context(), name(t)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want ErrNotExist", err)
	}
}

// TestFirstInstance: who comes second is told, and the first one goes on.
func TestFirstInstance(t *testing.T) {
	l, err := localsock.Listen(name(t))
	must(t, err)
	defer l.Close()
	if second, err := localsock.Listen(name(t)); !errors.Is(err, localsock.ErrInUse) {
		if err == nil {
			second.Close()
		}
		t.Errorf("got %v, want ErrInUse", err)
	}
}
