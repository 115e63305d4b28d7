package stories

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

var long = flag.Bool("long", false, "run the long tests too, as the gates of CI do")

// needsLong skips a test that is long, and names the gate that runs it.
func needsLong(t testing.TB, gate string) {
	t.Helper()
	if !*long {
		t.Skipf("not run: it is long; %s runs it", gate)
	}
}

// roles are what this program does in place of tests, if it was started for one of
// them. Each returns whether it was.
var roles []func() bool

func TestMain(m *testing.M) {
	for _, role := range roles {
		if role() {
			return
		}
	}
	code := m.Run()
	if err := os.RemoveAll(buildDir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// buildDir is where build has put the programs; "" is nowhere yet.
var buildDir string

var buildOnce = sync.OnceValue(func() (err error) {
	if buildDir, err = os.MkdirTemp("", "programs"); err != nil {
		return err
	}
	if err := os.Chmod(buildDir, 0o755); err != nil { // other users run them too
		return err
	}
	args := []string{"build", "-o", buildDir + "/", "./cmd/regentd", "./cmd/regent", "./cmd/tmsctl", "./cmd/tms-emulator", "./cmd/demo"}
	if runtime.GOOS == "linux" {
		args = append(args, "./cmd/stories/testdata/attacker")
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
})

// programs returns the directory of the programs: the one that $REGENT_TEST_PROGRAMS
// names, for a place where nothing can be built, or a new one, built once for all tests.
func programs(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("REGENT_TEST_PROGRAMS"); dir != "" {
		return dir
	}
	if err := buildOnce(); err != nil {
		t.Fatal(err)
	}
	return buildDir
}

// buildWith builds regentd from a copy of the sources with one file of testdata added
// to its package: the daemon that is released has no such door, and an overlay does not
// go with -cover. It returns the path of
// the program.
func buildWith(t testing.TB, file string, flags ...string) string {
	t.Helper()
	top := t.TempDir()
	for _, part := range []string{"agent", "cmd/regentd", "ipc", "platform"} {
		if err := os.CopyFS(filepath.Join(top, part), os.DirFS(filepath.Join("../..", part))); err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range map[string]string{
		"../../go.mod": "go.mod", "../../go.sum": "go.sum", "testdata/" + file: "cmd/regentd/added.go",
	} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(top, to), string(text))
	}
	program := filepath.Join(t.TempDir(), "regentd")
	args := append([]string{"build", "-o", program}, flags...)
	cmd := exec.CommandContext(t.Context(), "go", append(args, "./cmd/regentd")...)
	cmd.Dir = top
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
