package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"regent/agent/fault"
	"regent/ipc/api"
	"regent/ipc/client"
	"regent/ipc/ipctest"
)

// newExampleClient returns a client of an agent that answers the examples. A program calls
// client.New(client.Options{}), which uses the installed agent.
func newExampleClient() (c *client.Client, stop func()) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+api.PathToken, func(w http.ResponseWriter, r *http.Request) {
		var q api.TokenRequest
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.Application != "cad" {
			w.Header().Set("Content-Type", api.ProblemType)
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"code":"denied","detail":"no rule admits this caller"}`)
			return
		}
		json.NewEncoder(w).Encode(api.Token{AccessToken: "eyJ…", TokenType: "Bearer", ExpiresIn: 300, Application: "cad", Instance: "cad/1", Generation: 7})
	})
	mux.HandleFunc("GET "+api.PathWatch, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", api.EventType)
		for _, data := range []string{`{"instance":"cad/1","state":"live","generation":7}`, `{"instance":"cad/1","state":"live","generation":8}`} {
			fmt.Fprintf(w, "event: %s\ndata: %s\n\n", api.EventName, data)
		}
	})
	ln := ipctest.NewListener()
	hs := &http.Server{Handler: mux}
	done := make(chan error, 1)
	go func() { done <- hs.Serve(ln) }()
	c = client.New(client.Options{Dial: func(ctx context.Context) (net.Conn, error) { return ln.Dial(ctx) }})
	return c, func() { c.Close(); hs.Close(); <-done }
}

// Lease an instance to this process, and use its access token in a request.
func ExampleClient_Token() {
	c, stop := newExampleClient() // in a program: client.New(client.Options{})
	defer stop()
	tok, err := c.Token(context.Background(), api.TokenRequest{Application: "cad"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: Authorization: %s %s\n", tok.Instance, tok.TokenType, tok.AccessToken)
	// Output: cad/1: Authorization: Bearer eyJ…
}

// Errors of the agent are faults. The kind is for programs, the text for people.
func ExampleClient_Token_denied() {
	c, stop := newExampleClient()
	defer stop()
	_, err := c.Token(context.Background(), api.TokenRequest{Application: "cam"})
	f := fault.From(err)
	fmt.Println(f.Kind)
	fmt.Println(f.Text())
	// Output:
	// denied
	// no rule admits this caller
}

// A source returns a valid token before each request. It asks the agent only when the
// token is due for replacement.
func ExampleTokenSource() {
	c, stop := newExampleClient()
	defer stop()
	source := c.TokenSource(api.TokenRequest{Application: "cad"})
	for range 2 { // two requests of the program, one call of the agent
		tok, err := source.Token(context.Background())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(tok.Instance, "generation", tok.Generation)
	}
	// Output:
	// cad/1 generation 7
	// cad/1 generation 7
}

// Watch yields the state of each instance, then every change. It ends with an error when
// the agent exits or the context is done.
func ExampleClient_Watch() {
	c, stop := newExampleClient()
	defer stop()
	for e, err := range c.Watch(context.Background(), "cad") {
		if err != nil {
			what, _, _ := strings.Cut(err.Error(), ":")
			fmt.Println(what)
			return
		}
		fmt.Println(e.Instance, e.State, "generation", e.Generation)
	}
	// Output:
	// cad/1 live generation 7
	// cad/1 live generation 8
	// cannot connect to regentd
}
