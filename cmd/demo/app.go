package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"regent/agent/fault"
	"regent/ipc/api"
	"regent/ipc/client"
)

// answer is an application's report about the access token that it got. The token itself
// stays in the application.
type answer struct {
	Instance    string `json:"instance,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"` // first 8 hex digits of the token's SHA-256
	Generation  uint64 `json:"generation,omitempty"`
	ExpiresIn   int64  `json:"expires_in,omitempty"` // seconds
	Problem     string `json:"problem,omitempty"`    // why there is no token
}

func (a answer) String() string {
	if a.Problem != "" {
		return "no token: " + a.Problem
	}
	return fmt.Sprintf("instance %s, access token with fingerprint %s, generation %d, good for %d s",
		a.Instance, a.Fingerprint, a.Generation, a.ExpiresIn)
}

// runApp runs the application: it executes each line of its standard input. The lease
// belongs to the process, so it lasts until the process ends.
func runApp(args []string) int {
	flags := flag.NewFlagSet("demo app", flag.ContinueOnError)
	socket := flags.String("socket", os.Getenv("REGENT_SOCKET"), "`path` of the agent's socket")
	stay := flags.Bool("stay", false, "at the end of the input, stay until a signal comes")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return 2
	}
	ctx := context.Background() //nolint:forbidigo // the program's own main
	c := client.New(client.Options{Socket: *socket})
	defer c.Close()
	ask := func() (api.Token, error) { return c.Token(ctx, api.TokenRequest{Application: "cad"}) }
	if err := serveLines(ask, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo app:", err)
		return 1
	}
	if *stay {
		told, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
		<-told.Done()
	}
	return 0
}

// serveLines executes each line of in, and writes each answer as a line. An empty line asks
// for a token. With a directory, the application searches the files there for its token.
func serveLines(ask func() (api.Token, error), in io.Reader, out io.Writer) error {
	encoder := json.NewEncoder(out)
	var held string
	for lines := bufio.NewScanner(in); ; {
		if !lines.Scan() {
			return lines.Err()
		}
		var said answer
		switch dir := lines.Text(); {
		case dir == "":
			t, err := ask()
			held, said = t.AccessToken, answerOf(t, err)
		case held == "":
			said.Problem = "no token to look for"
		default:
			if err := secretAbsent(dir, held); err != nil {
				said.Problem = err.Error()
			}
		}
		if err := encoder.Encode(said); err != nil {
			return fmt.Errorf("write an answer: %w", err)
		}
	}
}

func answerOf(t api.Token, err error) answer {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return answer{Problem: fmt.Sprintf("%s: %s", f.Kind, f.Text())}
	}
	if err != nil {
		return answer{Problem: err.Error()}
	}
	sum := sha256.Sum256([]byte(t.AccessToken))
	return answer{
		Instance: t.Instance, Fingerprint: hex.EncodeToString(sum[:4]),
		Generation: t.Generation, ExpiresIn: t.ExpiresIn,
	}
}

// secretAbsent returns an error if a file below dir contains a secret. It skips sockets and
// other special files.
func secretAbsent(dir, secret string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path) //nolint:gosec // the story's own directory
		if err == nil && bytes.Contains(text, []byte(secret)) {
			err = fmt.Errorf("%s holds a token in clear text", path)
		}
		return err
	})
}
