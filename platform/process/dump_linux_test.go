package process

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const childEnv = "REGENT_TEST_NODUMP_CHILD"

// TestChild is the process that is ended as if by a defect.
func TestChild(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		t.Skip("is run by TestDisableDump")
	}
	if err := DisableDump(); err != nil {
		t.Fatal(err)
	}
	var core unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &core); err != nil || core.Cur != 0 || core.Max != 0 {
		t.Fatalf("limit: got %+v, %v", core, err)
	}
	if d, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || d != 0 {
		t.Fatalf("dumpable: got %d, %v", d, err)
	}
	// It still knows itself and its peers, as the daemon has to.
	for _, path := range []string{"/proc/self/exe", "/proc/self/fd/0"} {
		if _, err := os.Readlink(path); err != nil {
			t.Fatal(err)
		}
	}
	signal.Reset(syscall.SIGABRT)
	if err := syscall.Kill(os.Getpid(), syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	select {}
}

func TestDisableDump(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^TestChild$")
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), childEnv+"=1", "GOTRACEBACK=crash")
	out, err := cmd.CombinedOutput()
	state, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !state.Signaled() || state.CoreDump() {
		t.Errorf("ended with %v, core dumped: %t\n%s", err, state.CoreDump(), out)
	}
	if strings.Contains(string(out), "FAIL") {
		t.Errorf("%s", out)
	}
	if left, err := filepath.Glob(filepath.Join(cmd.Dir, "*")); len(left) > 0 || err != nil {
		t.Errorf("left %q, %v", left, err)
	}
}
