package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/ipc/api"
)

// The programs themselves are shown by make demo. Here is what makes it fail
// when it should, and keeps it from telling what it must not.

// TestMain makes the test program also an application, the bench, and a server that the bench
// compares with.
func TestMain(m *testing.M) {
	roles := map[string]func(ctx context.Context, args []string) error{
		"serve": func(ctx context.Context, args []string) error { return serve(ctx, args[0]) },
		"bench": func(ctx context.Context, args []string) error { return runBench(ctx, args, os.Stdout) },
	}
	if len(os.Args) > 1 && os.Args[1] == "app" {
		os.Exit(runApp(os.Args[2:]))
	}
	if len(os.Args) > 1 && roles[os.Args[1]] != nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if err := roles[os.Args[1]](ctx, os.Args[2:]); err != nil {
			fmt.Fprintf(os.Stderr, "demo %s: %v\n", os.Args[1], err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestApplicationPrintsNoToken(t *testing.T) {
	const secret = "eyJhbGciOiJFUzI1NiJ9.secret.secret"
	asked := 0
	ask := func() (api.Token, error) {
		if asked++; asked == 2 {
			return api.Token{}, errors.New("no_free_instance: all are leased")
		}
		return api.Token{AccessToken: secret, Instance: "cad/1", Generation: 4, ExpiresIn: 9}, nil
	}
	var out bytes.Buffer
	dir := t.TempDir()
	if err := serveLines(ask, strings.NewReader("\n"+dir+"\n\n"+dir+"\n"), &out); err != nil {
		t.Fatal(err)
	}
	want := `{"instance":"cad/1","fingerprint":"837c6bdd","generation":4,"expires_in":9}
{}
{"problem":"no_free_instance: all are leased"}
{"problem":"no token to look for"}
`
	if diff := cmp.Diff(out.String(), want); diff != "" {
		t.Errorf("answers (-got +want):\n%s", diff)
	}
}

func TestApplicationIsAProcess(t *testing.T) {
	s := &stage{dir: t.TempDir()}
	a, err := s.launchApp(t.Context(), &device{socket: s.at("none.sock")}, false)
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got.Problem, "cannot connect to regentd") {
		t.Errorf("got %v, want a problem that says cannot connect to regentd", got)
	}
	if err := a.running(); err != nil {
		t.Errorf("after an answer: %v", err)
	}
	if err := a.stop(); err == nil {
		t.Error("stop: got no error of a process that a signal ended")
	}
	if err := a.running(); err == nil {
		t.Error("after stop: it still runs")
	}
}

func TestMissingProgram(t *testing.T) {
	s := &stage{dir: t.TempDir(), bin: t.TempDir()}
	_, err := s.launch(t.Context(), "log", "regentd")
	if !errors.Is(err, exec.ErrNotFound) && !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("got %v, want an error that says what is missing", err)
	}
	if !strings.Contains(err.Error(), "make build") {
		t.Errorf("got %v, want what to do", err)
	}
}

func TestStoryError(t *testing.T) {
	var out, problems bytes.Buffer
	code := run(t.Context(), []string{"-bin", t.TempDir()}, &out, &problems)
	if code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	for _, want := range []string{"demo: step 1, The service", "make build", "the end of ", "regentd.log"} {
		if !strings.Contains(problems.String(), want) {
			t.Errorf("it says\n%s\nwant %q in it", problems.String(), want)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"-no-such-flag"}, {"more"}} {
		if got, want := run(t.Context(), args, t.Output(), t.Output()), 2; got != want {
			t.Errorf("%v: exit code %d, want %d", args, got, want)
		}
	}
}

func TestUntil(t *testing.T) {
	never := errors.New("not yet")
	synctest.Test(t, func(t *testing.T) {
		times := 0
		third := func() error {
			if times++; times < 3 {
				return never
			}
			return nil
		}
		if err := retryUntil(t.Context(), time.Second, third); err != nil || times != 3 {
			t.Errorf("third time: got %v after %d times", err, times)
		}
		err := retryUntil(t.Context(), time.Second, func() error { return never })
		if !errors.Is(err, never) || !strings.Contains(err.Error(), "after 1s") {
			t.Errorf("never: got %v, want the last error and how long", err)
		}
		late := errors.New("the story is too long")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, late)
		defer cancel()
		if err := retryUntil(ctx, time.Hour, func() error { return never }); !errors.Is(err, late) || !errors.Is(err, never) {
			t.Errorf("ended: got %v, want the cause and the last error", err)
		}
	})
}

func TestTail(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	for _, tt := range []struct{ text, want string }{
		{"", "\n"},
		{"a\n", "a\n"},
		{"a\nb\nc\n", "b\nc\n"},
		{"a\nb\nc", "b\nc\n"},
	} {
		if err := os.WriteFile(log, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := tail(log, 2); got != tt.want {
			t.Errorf("of %q: got %q, want %q", tt.text, got, tt.want)
		}
	}
	if got := tail(filepath.Join(t.TempDir(), "none"), 2); !strings.Contains(got, "none") {
		t.Errorf("of no file: got %q, want why", got)
	}
}

func TestTranscript(t *testing.T) {
	var out strings.Builder
	n := &transcript{w: &out, bin: "bin", dir: "/tmp/demo-1"}
	n.begin("The service")
	n.command("tms-emulator", []string{"--ca-out", "/tmp/demo-1/ca.pem"}, " &")
	n.command("regent", []string{"status"}, "")
	n.output("100% of /tmp/demo-1\n\nlast")
	want := `
1. The service
   $ bin/tms-emulator --ca-out $D/ca.pem &
   $ bin/regent status
     100% of $D

     last
`
	if diff := cmp.Diff(filepath.ToSlash(out.String()), want); diff != "" {
		t.Errorf("story (-got +want):\n%s", diff)
	}
}

func TestStage(t *testing.T) {
	s, err := newStage("bin", &transcript{w: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(s.dir) })
	password, err := os.ReadFile(s.at("admin/password"))
	if err != nil {
		t.Fatal(err)
	}
	if err := secretAbsent(s.dir, string(password)); err == nil || !strings.Contains(err.Error(), s.at("admin/password")) {
		t.Errorf("of the password: got %v, want the file that holds it", err)
	}
	if err := secretAbsent(s.dir, "nobody wrote this"); err != nil {
		t.Errorf("of nothing: %v", err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", "/somewhere")
	for _, e := range s.env() {
		if strings.HasPrefix(e, "CREDENTIALS_DIRECTORY=") || strings.Contains(e, strings.TrimSpace(string(password))) {
			t.Errorf("the programs would find %q", e)
		}
	}
}
