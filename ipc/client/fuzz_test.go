package client_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"regent/agent/fault"
	"regent/ipc/api"
	"regent/ipc/client"
)

// clientOfReply answers every request with the same bytes, and ends.
func clientOfReply(answer []byte) *client.Client {
	return client.New(client.Options{Dial: func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			if r, err := http.ReadRequest(bufio.NewReader(theirs)); err == nil {
				io.Copy(io.Discard, r.Body)
				theirs.Write(answer)
			}
		}()
		return ours, nil
	}})
}

// FuzzReply: whatever listens, what comes back from a call is an answer of the
// agent's, a fault of the agent's, or an error that is told apart from both.
func FuzzReply(f *testing.F) {
	f.Fuzz(func(t *testing.T, status int, contentType string, body []byte) {
		if status < 200 || status > 599 {
			return
		}
		var head bytes.Buffer
		fmt.Fprintf(&head, "HTTP/1.1 %d x\r\nConnection: close\r\nContent-Type: %s\r\n\r\n", status, contentType)
		c := clientOfReply(append(head.Bytes(), body...))
		defer c.Close()
		tok, err := c.Token(t.Context(), api.TokenRequest{Application: "cad"})
		var said *fault.Fault
		switch {
		case err == nil:
			if status != http.StatusOK && status != http.StatusNoContent {
				t.Errorf("status %d was taken for a token: %+v", status, tok)
			}
		case errors.As(err, &said):
			if said.Kind == "" || said.Retry < 0 || said.Retry > 24*time.Hour {
				t.Errorf("fault %+v", said)
			}
			fallthrough
		default:
			if tok != (api.Token{}) {
				t.Errorf("%+v with %v", tok, err)
			}
		}
	})
}
