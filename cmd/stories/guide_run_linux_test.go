package stories

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var updateDocs = flag.Bool("update-docs", false, "TestDocumentsRun prints each command of a document with its real output")

// TestDocumentsRun runs the commands of README.md and of the guides with the real programs,
// and compares their outputs with those that the document shows.
//
// Commands stand in blocks of the language console: "$ COMMAND", below it the output as it
// was printed. A command goes on after a backslash, or in lines that begin with "> ". In the
// output "…" stands for any text of that line, and a line of it alone for any number of lines.
// Two or more spaces stand for any number of them.
// A block runs in a private machine of its document, as root in /root, in one shell. HTML
// comments before a block are marks:
//
//	<!-- world: NAME -->   it starts in a new machine; without, it goes on in the one before
//	<!-- file: PATH -->    the text of the block is written to PATH of the machine
//	<!-- fragment -->      YAML that is no whole configuration, or none of Regent's
//
// In each world but system there are the token service https://demo-host.com, regentd, the user
// anna and the file password of the service's user admin. The worlds:
//
//	empty          no configuration
//	unregistered   application cad has 2 instances; ./token is a registration token, count 10
//	live           both instances have auth tokens; ./token is gone
//	admin          live, and tmsctl has the profile demo
//	stranger       admin, and the host pc-99 has used a count
//	exhausted      cad/1 has an auth token, the registration token laptops (count 1) is used up,
//	               and tmsctl has the profile demo
//	system         needs systemd, a package or a network: its commands are checked, not run
//
// With -update-docs it prints each command with its real output.
func TestDocumentsRun(t *testing.T) {
	needsWorlds(t)
	bin := programs(t)
	guides, _ := readGuides(t) // TestDocuments has the faults
	for _, g := range guides {
		t.Run(filepath.Base(g.name), func(t *testing.T) {
			t.Parallel()
			faults := &guideFaults{}
			ran, checked := runGuide(t, bin, g, faults)
			for _, fault := range faults.all {
				t.Error(fault)
			}
			t.Logf("%d blocks run, %d only checked", ran, checked)
		})
	}
}

// TestWorldsArePrivate: root in a world changes its own devices, and nothing of the host.
func TestWorldsArePrivate(t *testing.T) {
	needsWorlds(t)
	w := startWorld(t, programs(t), "empty") // it does not start if it can write the host's files
	defer w.end(t)
	device := "/dev/regent-" + strconv.Itoa(os.Getpid())
	defer os.Remove(device)
	out, status, err := w.run("touch " + device + "; echo text >/dev/null && ! echo text >/dev/full && [ $(head -c 4 /dev/zero /dev/random /dev/urandom -q | wc -c) = 12 ] && cat <(echo text)")
	if err != nil || status != 0 || !strings.HasSuffix(out, "text\n") {
		t.Errorf("the devices of a world: exit status %d, %v\n%s", status, err, out)
	}
	if _, err := os.Lstat(device); err == nil {
		t.Errorf("a world made %s on the host", device)
	}
}

// needsWorlds skips a test where no private machine can be made, and says why.
func needsWorlds(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("the commands of documents are not run: private namespaces need root")
	}
	for _, program := range []string{"bash", "curl", "ip", "runuser"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the commands of documents are not run: %v", err)
		}
	}
}

// runGuide runs the blocks of a document in order. It returns how many it ran, and how many
// blocks with commands it did not.
func runGuide(t *testing.T, bin string, g *guide, faults *guideFaults) (ran, checked int) {
	var w *guideWorld
	defer func() { w.end(t) }()
	for _, b := range g.blocks {
		if name := b.marks["world"]; name != "" {
			w.end(t)
			if w = nil; name != "system" {
				w = startWorld(t, bin, name)
			}
		}
		path := b.marks["file"]
		switch isCommands := b.language == "console" || b.language == "sh" || b.language == "powershell"; {
		case w != nil && path != "":
			w.write(t, path, strings.Join(b.text, "\n")+"\n")
		case w != nil && b.language == "console":
			ran++
			if !runBlock(w, g, &b, faults) {
				return ran, checked
			}
		case isCommands:
			checked++
		}
	}
	return ran, checked
}

// runBlock runs the commands of a block, and returns whether the world goes on.
func runBlock(w *guideWorld, g *guide, b *guideBlock, faults *guideFaults) bool {
	for _, c := range b.commands() {
		got, status, err := w.run(c.text)
		if err != nil {
			faults.add(g, c.line, "%s\n%v\n%s", c.text, err, got)
			return false
		}
		if *updateDocs {
			fmt.Fprintf(os.Stderr, "%s:%d\n$ %s\n%s", g.name, c.line, c.text, got)
		}
		want := strings.Join(c.output, "\n")
		switch {
		case status != 0 && strings.Trim(want, "…\n ") == "":
			faults.add(g, c.line, "$ %s\nexits %d, and the document shows no reason. It prints:\n%s", c.text, status, got)
		case !outputMatches(want, got):
			faults.add(g, c.line, "$ %s\nthe document shows:\n%s\nit prints:\n%s", c.text, want, got)
		}
	}
	return true
}

// tableGap stands between two columns. Its width changes with the values.
var tableGap = regexp.MustCompile("  +")

// outputMatches reports whether an output is the one that a document shows. Spaces at the ends
// of lines do not count, nor does the width of a gap.
func outputMatches(want, got string) bool {
	var pattern strings.Builder
	pattern.WriteString(`\A`)
	for _, line := range trimmedLines(want) {
		if line == "…" {
			pattern.WriteString(`(?:.*\n)*?`)
			continue
		}
		text := strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*")
		pattern.WriteString(tableGap.ReplaceAllString(text, " +") + `\n`)
	}
	pattern.WriteString(`\z`)
	text := ""
	for _, line := range trimmedLines(got) {
		text += line + "\n"
	}
	return regexp.MustCompile(pattern.String()).MatchString(text)
}

// trimmedLines returns the lines of a text without spaces at their ends and without empty
// lines at its end.
func trimmedLines(text string) (lines []string) {
	text = strings.TrimRight(text, " \n")
	if text == "" {
		return nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, strings.TrimRight(line, " \t\r"))
	}
	return lines
}

// guideWorld is a private machine and the shell in it.
type guideWorld struct {
	dir   string // /mnt/work in the machine
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	said  *logFile
	count int // commands that it ran
}

func startWorld(t *testing.T, bin, name string) *guideWorld {
	t.Helper()
	w := &guideWorld{dir: t.TempDir(), said: &logFile{}}
	w.cmd = exec.CommandContext(t.Context(), "bash", "testdata/guides/world.sh", bin, w.dir, name)
	w.cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME=/root", "LANG=C.UTF-8", "TZ=UTC"}
	w.cmd.Stderr = w.said
	w.cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
	}
	in, err := w.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	w.in, w.out = in, bufio.NewReader(out)
	if err := w.cmd.Start(); err != nil {
		t.Fatalf("the world %s: %v", name, err)
	}
	if line, err := w.out.ReadString('\n'); err != nil || line != "ready\n" {
		w.end(t)
		t.Fatalf("the world %s: %q, %v\n%s", name, line, err, w.said)
	}
	return w
}

// run runs a command in the world's shell, and returns what it printed and its exit status.
func (w *guideWorld) run(command string) (output string, status int, err error) {
	w.count++
	script := "command-" + strconv.Itoa(w.count)
	if err := os.WriteFile(filepath.Join(w.dir, script), []byte(command+"\n"), 0o600); err != nil {
		return "", 0, err
	}
	late := time.AfterFunc(patience, func() { _ = w.cmd.Process.Kill() })
	_, wrote := fmt.Fprintln(w.in, "/mnt/work/"+script)
	line, read := w.out.ReadString('\n')
	inTime := late.Stop()
	text, missing := os.ReadFile(filepath.Join(w.dir, script+".out"))
	if !inTime {
		return string(text), 0, fmt.Errorf("is not done after %s", patience)
	}
	if err := errors.Join(wrote, read, missing); err != nil {
		return string(text), 0, fmt.Errorf("the shell has ended: %w", err)
	}
	status, err = strconv.Atoi(strings.TrimSpace(line))
	return string(text), status, err
}

// write writes a file of the machine.
func (w *guideWorld) write(t *testing.T, path, text string) {
	t.Helper()
	writeFile(t, filepath.Join(w.dir, "file"), text)
	if out, status, err := w.run("install -D -m 644 /mnt/work/file " + path); err != nil || status != 0 {
		t.Fatalf("write %s: %v\n%s", path, err, out)
	}
}

// end ends the machine with everything in it.
func (w *guideWorld) end(t *testing.T) {
	t.Helper()
	if w == nil {
		return
	}
	_ = w.cmd.Process.Kill() // it may have ended
	_ = w.cmd.Wait()         // with its death by us
}
