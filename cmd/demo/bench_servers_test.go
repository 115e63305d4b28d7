package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
)

// serve is the other server of the comparison: net/http. It reads the body of a request. Its
// answer is its own standard input, with the agent's headers.
func serve(ctx context.Context, socket string) error {
	payload, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "unix", socket)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = ln.Close() })
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
	if err := s.Serve(ln); ctx.Err() == nil {
		return err
	}
	return nil // a requested end
}
