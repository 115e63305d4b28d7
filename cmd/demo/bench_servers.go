package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
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
	switch kind {
	case "http1":
		runtime.GOMAXPROCS(1)
		return serveHTTP(ctx, ln, reply)
	case "http":
		return serveHTTP(ctx, ln, reply)
	case "echo":
		return serveRaw(ctx, ln, reply)
	}
	return fmt.Errorf("there is no server %q", kind)
}

// serveHTTP reads the request's body and answers with the payload and the same
// headers as the agent, and does nothing else.
func serveHTTP(ctx context.Context, ln net.Listener, payload []byte) error {
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
	stop := context.AfterFunc(ctx, func() { _ = s.Close() }) // it is the end either way
	defer stop()
	if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// serveRaw answers whatever is read with an answer of the same length as the
// agent's, and looks at nothing.
func serveRaw(ctx context.Context, ln net.Listener, payload []byte) error {
	answer := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: %d\r\nContent-Type: application/json\r\n\r\n%s", len(payload), payload)
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() }) // it is the end either way
	defer stop()
	var open sync.WaitGroup
	defer open.Wait()
	for {
		c, err := ln.Accept()
		if err != nil {
			return nil // the end
		}
		open.Go(func() {
			defer c.Close() //nolint:errcheck // the client is there, or is not
			stop := context.AfterFunc(ctx, func() { _ = c.Close() })
			defer stop()
			buf := make([]byte, 4096)
			for {
				if _, err := c.Read(buf); err != nil {
					return
				}
				if _, err := c.Write(answer); err != nil {
					return
				}
			}
		})
	}
}
