package stories

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// buildWith builds regentd from a copy of the sources with one file of testdata added
// to its package: the daemon that is released has no such door, and an overlay does not
// go with -cover. It returns the path of the program.
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
