package stories

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"regent/agent/tms/emulator"
)

type storyKey struct{}

// story is what one script has started.
type story struct {
	running map[string]*program
	dialect emulator.Dialect // of the service
}

// program is a program that runs beside the script.
type program struct {
	*exec.Cmd
	in    io.WriteCloser
	lines chan string // of its standard output
	done  chan error
	log   *logFile
}

// logFile takes what a program says; it is shown when the story fails.
type logFile struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logFile) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logFile) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// start runs a program beside the script, under a name.
func start(ts *testscript.TestScript, name string, args ...string) *program {
	s := ts.Value(storyKey{}).(*story)
	if _, ok := s.running[name]; ok {
		ts.Fatalf("%s runs already", name)
	}
	path, err := lookPath(ts.Getenv("PATH"), args[0])
	ts.Check(err)
	p := &program{Cmd: exec.Command(path, args[1:]...), lines: make(chan string, 100), done: make(chan error, 1), log: &logFile{}}
	p.Dir, p.Stderr, p.SysProcAttr = ts.Getenv("WORK"), p.log, detach()
	p.Env = append(os.Environ(), "REGENT_SOCKET="+ts.Getenv("REGENT_SOCKET"), "HTTPS_PROXY="+ts.Getenv("HTTPS_PROXY"), "NO_PROXY="+ts.Getenv("NO_PROXY"))
	if dir := ts.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		p.Env = append(p.Env, "CREDENTIALS_DIRECTORY="+dir)
	}
	out, err := p.StdoutPipe()
	ts.Check(err)
	p.in, err = p.StdinPipe()
	ts.Check(err)
	ts.Check(p.Start())
	s.running[name] = p
	go p.follow(out)
	return p
}

// follow reads what the program says until it ends.
func (p *program) follow(out io.Reader) {
	for sc := bufio.NewScanner(out); sc.Scan(); {
		fmt.Fprintln(p.log, sc.Text())
		p.lines <- sc.Text()
	}
	close(p.lines)
	p.done <- p.Wait()
}

func lookPath(path, name string) (string, error) {
	for _, dir := range filepath.SplitList(path) {
		if file := filepath.Join(dir, name+suffix); isFile(file) {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s is not in PATH", name)
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

// line waits for a line that matches, and returns its submatches.
func (p *program) line(ts *testscript.TestScript, pattern string) []string {
	re := regexp.MustCompile(pattern)
	deadline := time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				ts.Fatalf("%s ended without saying %q:\n%s", p.Path, pattern, p.log)
			}
			if m := re.FindStringSubmatch(line); m != nil {
				return m
			}
		case <-deadline:
			ts.Fatalf("%s did not say %q:\n%s", p.Path, pattern, p.log)
		}
	}
}

// endAll ends what still runs, and shows what it said where the story fails.
func (s *story) endAll(t testscript.T) {
	for name, p := range s.running {
		_ = p.Process.Kill() // it may have ended already
		<-p.done
		t.Log(name + ":\n" + p.log.String())
	}
}

func named(ts *testscript.TestScript, args []string) (*story, *program) {
	if len(args) != 1 {
		ts.Fatalf("usage: term|kill9|hup NAME")
	}
	s := ts.Value(storyKey{}).(*story)
	p, ok := s.running[args[0]]
	if !ok {
		ts.Fatalf("%s does not run", args[0])
	}
	return s, p
}

// end tells a program to end.
func end(ts *testscript.TestScript, neg bool, args []string) {
	s, p := named(ts, args)
	ts.Check(p.signalEnd())
	if err := s.waitFor(ts, args[0]); (err != nil) != neg {
		ts.Fatalf("%s ended with %v", args[0], err)
	}
}

func kill(ts *testscript.TestScript, _ bool, args []string) {
	s, p := named(ts, args)
	ts.Check(p.Process.Kill())
	_ = s.waitFor(ts, args[0]) // that it was killed
}

// waitFor waits for the end of a program and returns how it was.
func (s *story) waitFor(ts *testscript.TestScript, name string) error {
	p := s.running[name]
	select {
	case err := <-p.done:
		delete(s.running, name)
		ts.Logf("%s:\n%s", name, p.log)
		ts.Check(os.WriteFile(ts.MkAbs(name+".log"), []byte(p.log.String()), 0o600))
		return err
	case <-time.After(patience):
		ts.Fatalf("%s does not end:\n%s", name, p.log)
		return nil
	}
}
