// Command probe is a program that the stories of packaging/system run inside a booted
// machine.
//
// It is an application that asks for tokens. In the daemon's place, it also tries actions
// that the sandbox must block. It shares no code with Regent.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"time"
)

const usage = `usage: probe ask [FLAGS]       ask for one token, and print its instance
       probe load [FLAGS]      ask again and again, each over a connection of its own
       probe sandbox ADDRESS PID
                               try what the daemon must not be able to do; ADDRESS is a TCP
                               address that it must be able to connect to, PID a process of
                               root's that it must leave alone`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	f := flag.NewFlagSet(args[0], flag.ContinueOnError)
	a := application{}
	f.StringVar(&a.socket, "socket", "/run/regent/agent.sock", "the agent's socket")
	f.StringVar(&a.name, "application", "cad", "application to ask for")
	f.StringVar(&a.instance, "instance", "", "instance to ask for, as a number")
	rate := f.Int("rate", 50, "requests a second")
	life := f.Duration("for", 10*time.Second, "how long")
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "ask":
		got, err := a.ask(context.Background())
		if err == nil {
			fmt.Println(got.Instance)
		}
		return err
	case "load":
		return a.load(*rate, *life)
	case "sandbox":
		return sandbox(f.Arg(0), f.Arg(1))
	}
	return errors.New(usage)
}

// application asks as any program does that knows the protocol.
type application struct{ socket, name, instance string }

type grant struct {
	Instance string `json:"instance"`
	Token    string `json:"access_token"`
	Detail   string `json:"detail"`
}

func (a application) ask(ctx context.Context) (grant, error) {
	body, err := json.Marshal(map[string]string{"application": a.name, "instance": a.instance})
	if a.instance == "" {
		body, err = json.Marshal(map[string]string{"application": a.name})
	}
	if err != nil {
		return grant{}, err
	}
	c := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", a.socket)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://regent/v1/token", bytes.NewReader(body))
	if err != nil {
		return grant{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		return grant{}, err
	}
	defer resp.Body.Close()
	var got grant
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		return grant{}, fmt.Errorf("%s: %w", resp.Status, err)
	}
	if resp.StatusCode != http.StatusOK || got.Token == "" {
		return grant{}, fmt.Errorf("%s: %s", resp.Status, got.Detail)
	}
	return got, nil
}

// answer is how one request went.
type answer struct {
	took time.Duration
	err  error
}

// load asks at an even pace, whether answers come or not, and fails if one
// request did.
func (a application) load(rate int, life time.Duration) error {
	total := int(life.Seconds() * float64(rate))
	answers := make(chan answer, total)
	pace := time.NewTicker(time.Second / time.Duration(rate))
	defer pace.Stop()
	for range total {
		<-pace.C
		go func() {
			start := time.Now()
			_, err := a.ask(context.Background())
			answers <- answer{time.Since(start), err}
		}()
	}
	var took []time.Duration
	var failed []error
	for range total {
		r := <-answers
		took = append(took, r.took)
		if r.err != nil {
			failed = append(failed, r.err)
		}
	}
	slices.Sort(took)
	fmt.Printf("%d requests, %d failed; p50 %s, p99 %s, longest %s\n", total, len(failed),
		took[total/2].Round(10*time.Microsecond), took[total*99/100].Round(time.Millisecond), took[total-1].Round(time.Millisecond))
	if len(failed) > 0 {
		return fmt.Errorf("the first failure: %w", failed[0])
	}
	return nil
}
