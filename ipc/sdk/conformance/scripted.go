//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// server is the other side of a case.
type server interface {
	socket() string
	restart(context.Context) error
	check(testCase) error // what the case says of it
	close()
}

// scripted gives the replies of a case in their order.
type scripted struct {
	path string
	mu   sync.Mutex
	// The fields below are guarded by mu.
	listener    net.Listener
	replies     []reply
	requests    []string
	connections []net.Conn
	count       int
}

func listenScripted(path string, replies []reply) (*scripted, error) {
	s := &scripted{path: path, replies: replies}
	return s, s.listen()
}

func (s *scripted) listen() error {
	l, err := net.Listen("unix", s.path)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.listener = l
	s.mu.Unlock()
	go func() { // until the listener is closed
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.connections = append(s.connections, c)
			s.count++
			s.mu.Unlock()
			go s.serve(c)
		}
	}()
	return nil
}

func (s *scripted) socket() string { return s.path }

func (s *scripted) restart(context.Context) error {
	s.close()
	return s.listen()
}

func (s *scripted) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.listener.Close()
	for _, c := range s.connections {
		_ = c.Close()
	}
	s.connections = nil
}

func (s *scripted) check(c testCase) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Requests != nil && !slices.Equal(c.Requests, s.requests) {
		return fmt.Errorf("the server read %q, want %q", s.requests, c.Requests)
	}
	if len(s.replies) > 0 {
		return fmt.Errorf("%d replies are left", len(s.replies))
	}
	if c.Connections > 0 && s.count != c.Connections {
		return fmt.Errorf("%d connections were made, want %d", s.count, c.Connections)
	}
	return nil
}

// serve answers the requests of one connection.
func (s *scripted) serve(c net.Conn) {
	defer c.Close()
	for in := bufio.NewReader(c); ; {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		one, ok := s.next(strings.TrimSpace(req.Method + " " + req.URL.Path + " " + strings.ReplaceAll(string(body), `": `, `":`)))
		if !ok || one.Drop {
			return
		}
		time.Sleep(time.Duration(one.Delay) * time.Millisecond)
		if !one.write(c) || one.Close {
			return
		}
	}
}

// next takes the next reply. A request too many is in the list of requests.
func (s *scripted) next(request string) (reply, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, request)
	if len(s.replies) == 0 {
		return reply{}, false
	}
	one := s.replies[0]
	s.replies = s.replies[1:]
	return one, true
}

// write sends the reply and reports whether the connection goes on.
func (r reply) write(c net.Conn) bool {
	text := r.bytes()
	if r.Cut > 0 {
		text = text[:min(r.Cut, len(text))]
	}
	size := len(text)
	if r.Slowly {
		size = 1
	}
	for chunk := range slices.Chunk([]byte(text), max(1, size)) {
		if _, err := c.Write(chunk); err != nil {
			return false
		}
	}
	return r.Cut == 0
}

// bytes is the reply as it is sent.
func (r reply) bytes() string {
	if r.Raw != "" {
		return r.Raw
	}
	status, kind, body := r.content()
	body = strings.Repeat(" ", r.Fill) + body
	head := fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: %s\r\n", status, http.StatusText(status), kind)
	if r.Close {
		head += "Connection: close\r\n"
	}
	switch {
	case status == http.StatusNoContent:
		return head + "\r\n"
	case r.Chunked:
		half := len(body) / 2
		return head + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", half, body[:half], len(body)-half, body[half:])
	default:
		return head + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	}
}

func (r reply) content() (status int, kind, body string) {
	switch {
	case r.Token != "":
		life := r.ExpiresIn
		if life == 0 {
			life = 3600
		}
		status, kind = http.StatusOK, "application/json"
		body = fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","expires_in":%d,"expires_at":"2026-11-30T12:00:00Z","application":"cad","instance":"cad/1","tenant":"https://demo-host.com","generation":%d,"later":{"member":[1,{"a":"\u00e9\"}"}]}}`, r.Token, life, r.Generation)
	case r.Problem != "":
		kind = "application/problem+json"
		body = fmt.Sprintf(`{"type":"about:blank","title":"t","status":%d,"code":%q,"detail":"for a person","retry_after":%d}`, r.Status, r.Problem, r.RetryAfter)
		if r.RetryAfter == 0 {
			body = strings.Replace(body, `,"retry_after":0`, "", 1)
		}
	default:
		kind, body = "application/json", string(r.Body)+strings.Replace(r.Text, "DEEP", strings.Repeat(`{"a":[`, 20_000), 1)
	}
	if r.Status != 0 {
		status = r.Status
	}
	if r.ContentType != "" {
		kind = r.ContentType
	}
	return status, kind, body
}

// absent is a socket that nobody serves, or that somebody else made.
type absent struct {
	path string
	end  func() error
}

func (a absent) socket() string                { return a.path }
func (a absent) restart(context.Context) error { return errors.New("there is no server") }
func (a absent) check(testCase) error          { return nil }
func (a absent) close()                        { _ = a.end() }

// listenLeftOver makes a socket whose listener has gone.
func listenLeftOver(path string) (server, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	return absent{path, func() error { return os.Remove(path) }}, l.Close()
}
