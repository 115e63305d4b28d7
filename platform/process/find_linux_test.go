package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// A process is found by the name that it was started under, with its arguments;
// this one is never.
func TestFindByName(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "/bin/sh")
	name := fmt.Sprintf("regent-test-waits-%d", os.Getpid()) // no other run of this test has it
	cmd.Args = []string{"/somewhere/" + name, "-c", "read line"}
	cmd.Dir = t.TempDir()
	if _, err := cmd.StdinPipe(); err != nil { // it waits for a line that never comes
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // that it was killed is the point
	})
	got, err := FindByName(name)
	if err != nil || len(got) != 1 || got[0].PID != cmd.Process.Pid || !slices.Equal(got[0].Args, cmd.Args) || got[0].Dir != cmd.Dir {
		t.Errorf("Named = %+v, %v; want process %d in %s", got, err, cmd.Process.Pid, cmd.Dir)
	}
	if got, err := FindByName(filepath.Base(os.Args[0])); err != nil || slices.ContainsFunc(got, func(p Process) bool { return p.PID == os.Getpid() }) {
		t.Errorf("Named of this program = %+v, %v; want it left out", got, err)
	}
}
