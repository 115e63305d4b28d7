package stories

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
)

var long = flag.Bool("long", false, "run the long tests too, as the gates of CI do")

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
