//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strings"
	"time"
)

// testCase is one situation that every library meets.
type testCase struct {
	Name string `json:"name"`
	// Server is who listens: "scripted", "real", "impostor" (another user), "left over"
	// (a socket without a listener) or "none".
	Server  string  `json:"server"`
	Replies []reply `json:"replies"` // of the scripted server, in this order
	Steps   []step  `json:"steps"`
	// Requests are what the scripted server must have read, "METHOD PATH BODY". null
	// leaves it unchecked.
	Requests []string `json:"requests"`
	// Connections is how many connections the scripted server must have seen; 0 leaves
	// it unchecked.
	Connections int `json:"connections"`
}

// reply is one answer of the scripted server.
type reply struct {
	Token       string          `json:"token"` // an answer with this access token
	Generation  int             `json:"generation"`
	ExpiresIn   int             `json:"expires_in"` // 3600 if it is 0
	Problem     string          `json:"problem"`    // a code
	RetryAfter  int             `json:"retry_after"`
	Status      int             `json:"status"`
	ContentType string          `json:"content_type"`
	Body        json.RawMessage `json:"body"`  // another answer in JSON
	Text        string          `json:"text"`  // another answer as text
	Raw         string          `json:"raw"`   // all bytes of the answer
	Fill        int             `json:"fill"`  // so many bytes of spaces before the body
	Delay       int             `json:"delay"` // milliseconds before the answer
	Chunked     bool            `json:"chunked"`
	Slowly      bool            `json:"slowly"` // byte by byte
	Cut         int             `json:"cut"`    // close after so many bytes
	Close       bool            `json:"close"`  // close after the answer
	Drop        bool            `json:"drop"`   // close without an answer
}

// step is a command to an adapter, or something that the other side does.
type step struct {
	Send    string `json:"send"`    // a command
	Want    string `json:"want"`    // its answer; * stands for any text without a space
	Program int    `json:"program"` // which of several adapters; each is a process
	Do      string `json:"do"`      // "restart", "sleep 1200ms", "end 0"
}

func readCases(file string) ([]testCase, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all struct {
		Cases []testCase `json:"cases"`
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return all.Cases, nil
}

// result is how a case ended.
type result struct {
	err    error
	notRun string // why
}

func (r result) word() string {
	switch {
	case r.err != nil:
		return "FAILED"
	case r.notRun != "":
		return "not run"
	default:
		return "ok"
	}
}

// runCase runs one case with one library.
func (s *stage) runCase(ctx context.Context, c testCase, command []string) (ended result) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	other, err := s.start(ctx, c)
	if err != nil {
		return result{err: err}
	}
	defer other.close()
	adapters := map[int]*adapter{}
	defer func() {
		for _, a := range adapters {
			if err := a.close(); err != nil && ended.err == nil {
				ended.err = fmt.Errorf("the adapter: %w", err)
			}
		}
	}()
	for i, one := range c.Steps {
		if one.Do != "" {
			if err := doStep(ctx, other, adapters, one.Do); err != nil {
				return result{err: fmt.Errorf("step %d: %s: %w", i+1, one.Do, err)}
			}
			continue
		}
		a := adapters[one.Program]
		if a == nil {
			if a, err = startAdapter(ctx, command, other.socket()); err != nil {
				return result{err: err}
			}
			adapters[one.Program] = a
		}
		answer, err := a.ask(one.Send)
		if why, ok := strings.CutPrefix(answer, "skip "); ok && err == nil {
			return result{notRun: why}
		}
		if err != nil {
			return result{err: fmt.Errorf("step %d: %s: %w", i+1, one.Send, err)}
		}
		if matched, _ := path.Match(one.Want, answer); !matched {
			return result{err: fmt.Errorf("step %d: %s: got %q, want %q", i+1, one.Send, answer, one.Want)}
		}
	}
	return result{err: other.check(c)}
}

// doStep does what happens beside the library.
func doStep(ctx context.Context, other server, adapters map[int]*adapter, what string) error {
	verb, rest, _ := strings.Cut(what, " ")
	switch verb {
	case "restart":
		return other.restart(ctx)
	case "sleep":
		d, err := time.ParseDuration(rest)
		time.Sleep(d)
		return err
	case "end":
		var n int
		if _, err := fmt.Sscan(rest, &n); err != nil {
			return err
		}
		a := adapters[n]
		delete(adapters, n)
		return a.close()
	}
	return fmt.Errorf("unknown: %q", verb)
}
