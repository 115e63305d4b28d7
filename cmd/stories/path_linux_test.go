package stories

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/agent/tms/emulator"
	"regent/ipc/api"
	"regent/ipc/client"
)

var pathShown = flag.Bool("path-shown", false, "TestPathOfARequest prints the files")

// TestPathOfARequest counts the files and packages of regentd that run code while
// it answers a request for a token that it has.
func TestPathOfARequest(t *testing.T) {
	const maxFiles, maxPackages = 20, 9
	program := buildWith(t, "covered/covered.go", "-cover", "-covermode=atomic", "-coverpkg=regent/...")
	s := newTestDevice(t, filepath.Dir(program), emulator.Knobs{}, nil)
	commands, answers := s.startCovered(t, program)
	c := client.New(client.Options{Socket: s.socket()}) // a connection that only asks for tokens
	t.Cleanup(c.Close)
	ask := func() {
		t.Helper()
		if _, err := c.Token(t.Context(), api.TokenRequest{Application: "cad"}); err != nil {
			t.Fatal(err)
		}
	}
	command := func(line string) {
		t.Helper()
		if _, err := fmt.Fprintln(commands, line); err != nil {
			t.Fatal(err)
		}
		if answer, err := answers.ReadString('\n'); err != nil || answer != "<nil>\n" {
			t.Fatalf("%s: %s %v", line, answer, err)
		}
	}
	for until := time.Now().Add(patience); s.state(t) != "live" && time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
	}
	ask() // the connection and the caller are known after it
	var fewest []string
	for range 5 { // what runs by itself meanwhile is in some of them
		dir := t.TempDir()
		command("clear")
		ask()
		command(dir)
		if files := coveredFiles(t, dir); fewest == nil || len(files) < len(fewest) {
			fewest = files
		}
	}
	packages := map[string]bool{}
	for _, f := range fewest {
		packages[path.Dir(f)] = true
	}
	t.Logf("a request for a token in memory runs code of %d files in %d packages", len(fewest), len(packages))
	if *pathShown {
		t.Log(strings.Join(fewest, "\n"))
	}
	if len(fewest) > maxFiles || len(packages) > maxPackages {
		t.Errorf("more than %d files or %d packages:\n%s", maxFiles, maxPackages, strings.Join(fewest, "\n"))
	}
}

// startCovered starts the daemon that writes its coverage.
func (s *testDevice) startCovered(t *testing.T, program string) (commands io.Writer, answers *bufio.Reader) {
	t.Helper()
	d := &daemonProcess{cmd: exec.Command(program, s.args()[1:]...)}
	d.pid = func() int { return d.cmd.Process.Pid }
	d.cmd.Env = append(os.Environ(), "GOCOVERDIR="+t.TempDir())
	in, err := d.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	d.cmd.ExtraFiles = []*os.File{to}
	s.launch(t, d)
	if err := to.Close(); err != nil {
		t.Error(err)
	}
	t.Cleanup(func() { _, _ = in.Close(), out.Close() })
	return in, bufio.NewReader(out)
}

// coveredFiles returns the files of which code ran, by their names in the module.
func coveredFiles(t *testing.T, dir string) (files []string) {
	t.Helper()
	profile := filepath.Join(dir, "profile")
	if out, err := exec.CommandContext(t.Context(), "go", "tool", "covdata", "textfmt", "-i", dir, "-o", profile).CombinedOutput(); err != nil {
		t.Fatalf("covdata: %v: %s", err, out)
	}
	text, err := os.ReadFile(profile)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		file, _, found := strings.Cut(line, ":")
		file = strings.TrimPrefix(file, module)
		if found && !strings.HasSuffix(strings.TrimSpace(line), " 0") && !strings.HasSuffix(file, "added.go") && file != "mode" && !slices.Contains(files, file) {
			files = append(files, file)
		}
	}
	slices.Sort(files)
	return files
}
