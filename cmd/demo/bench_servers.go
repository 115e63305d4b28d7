package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
)

// serve is the other program of the comparison: "echo", "http", or "http1",
// which is "http" on one core, as the agent runs. What is served is standard
// input.
func serve(ctx context.Context, kind, socket string) error {
	reply, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "unix", socket)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = ln.Close() })
	switch kind {
	case "http1":
		runtime.GOMAXPROCS(1)
		fallthrough
	case "http":
		err = serveHTTP(ln, reply)
	case "echo":
		err = serveRaw(ln, reply)
	default:
		return fmt.Errorf("there is no server %q", kind)
	}
	if ctx.Err() != nil {
		return nil //nolint:nilerr // it was told to end
	}
	return err
}

// serveHTTP reads the request's body and answers with the payload and the same
// headers as the agent, and does nothing else.
func serveHTTP(ln net.Listener, payload []byte) error {
	length := strconv.Itoa(len(payload))
	s := &http.Server{ReadHeaderTimeout: startTimeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Length", length)
		_, _ = w.Write(payload) // the client is there, or is not
	})}
	return s.Serve(ln)
}

// serveRaw answers whatever is read with an answer of the same length as the
// agent's, and looks at nothing.
func serveRaw(ln net.Listener, payload []byte) error {
	answer := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: %d\r\nContent-Type: application/json\r\n\r\n%s", len(payload), payload)
	for {
		c, err := ln.Accept()
		if err != nil {
			return err
		}
		go func() { // ends with its client, or with the program
			defer c.Close() //nolint:errcheck // the client is there, or is not
			buf := make([]byte, 4096)
			for err == nil {
				if _, err = c.Read(buf); err == nil {
					_, err = c.Write(answer)
				}
			}
		}()
	}
}
