package server

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"regent/agent"
	"regent/ipc/api"
)

// directWay answers the usual token request without net/http around it. It only compares
// and writes. net/http parses each different request, and the agent decides.
//
// net/http gets each other request with its connection, and each answer other than 200. It
// keeps the connection.
type directWay struct {
	*Server
	conns *connections
	http  *http.Server

	draining atomic.Bool
	running  sync.WaitGroup
	open     sync.Map // keys are of the type *connection
	last     atomic.Pointer[usualRequest]
}

// usualRequest is a usual request with its meaning. Nobody changes it.
type usualRequest struct {
	raw  []byte
	want agent.TokenRequest
}

// Limits of a direct answer. Moving a deadline costs a tenth of an answer, so steps are long.
const (
	maxDirectRequest = 1 << 10 // bytes, with the body
	deadlineStep     = time.Second
	headRoom         = 192 // bytes, for the header of an answer
	minNext          = 4   // bytes of a next request
)

// start serves a connection of an identified caller.
func (d *directWay) start(c *connection) {
	_ = c.SetReadDeadline(d.Now().Add(headerTimeout)) // a closed connection needs none
	d.running.Add(1)
	d.open.Store(c, nil)
	go func() {
		defer d.running.Done()
		unanswered := d.serve(c)
		d.open.Delete(c)
		if unanswered == nil || !d.handOver(c, unanswered) {
			_ = c.Close() // an error here changes nothing for the client
			d.conns.release(c)
		}
	}()
}

// handOver gives a connection to net/http, which reads the unanswered bytes first. It
// returns false if net/http accepts no connection any more.
func (d *directWay) handOver(c *connection, unanswered []byte) bool {
	c.unread = unanswered
	d.conns.expectRequest(c)
	_ = c.SetWriteDeadline(time.Time{}) // net/http sets the other one
	ln := singleListener{c}
	_ = d.http.Serve(&ln) // it ends after the connection
	return ln.Conn == nil
}

// drain closes idle connections at once and waits for the others. It closes them when
// patience ends.
func (d *directWay) drain(patience context.Context) {
	d.draining.Store(true)
	d.each(func(c *connection) { _ = c.SetReadDeadline(time.Unix(1, 0)) })
	defer context.AfterFunc(patience, func() { d.each(func(c *connection) { _ = c.Close() }) })()
	d.running.Wait()
}

func (d *directWay) each(do func(*connection)) {
	d.open.Range(func(c, _ any) bool { do(c.(*connection)); return true })
}

// directState is the memory of one connection.
type directState struct {
	buf                  [maxDirectRequest]byte
	known                *usualRequest // the last one; nil before the first
	readUntil, sendUntil time.Time     // the deadlines
	second               int64         // the time of date
	date                 []byte
}

// serve answers usual requests. It returns the bytes of another one, or nil if the client
// or this server has closed the connection.
func (d *directWay) serve(c *connection) (unanswered []byte) {
	var m directState
	var raw []byte
	ctx := d.http.BaseContext(nil)
	defer func() {
		if p := recover(); p != nil {
			c.decided, unanswered = d.panicked(ctx, p), raw
		}
	}()
	for answered := false; !answered || !d.draining.Load(); answered = true {
		var err error
		raw, err = m.read(c.Conn, answered)
		switch {
		case len(raw) == 0 && err != nil:
			return nil
		case err != nil || d.draining.Load() || !d.knows(&m, raw):
			return raw
		}
		d.conns.markUsed(c)
		g, err := d.Agent.Token(ctx, c.caller(), m.known.want)
		if err != nil {
			c.decided = err // or agent.ErrNotAtOnce, which decides nothing
			return raw
		}
		if err := d.send(c, &m, g); err != nil {
			d.Log.DebugContext(ctx, "the caller disconnected before its answer", "err", err)
			return nil
		}
	}
	return nil
}

// read reads once. After an answer it does what net/http does there: it waits for 4 bytes,
// and skips line ends among them. It discards fewer than 4 bytes.
func (m *directState) read(c net.Conn, answered bool) ([]byte, error) {
	n, err := c.Read(m.buf[:])
	if !answered {
		return m.buf[:n], err
	}
	for n < minNext && err == nil {
		var more int
		more, err = c.Read(m.buf[n:])
		n += more
	}
	if n < minNext {
		return nil, err
	}
	line := 0
	for line < minNext && (m.buf[line] == '\r' || m.buf[line] == '\n') {
		line++
	}
	return m.buf[line:n], err
}

// knows reports whether raw is a usual request, and sets known. The same bytes have the same
// meaning, over each connection.
func (d *directWay) knows(m *directState, raw []byte) bool {
	if m.known == nil {
		m.known = d.last.Load()
	}
	if m.known != nil && bytes.Equal(raw, m.known.raw) {
		return true
	}
	q, err := d.tokenRequests.decode(usualBody(raw)) // no body is an error
	if err != nil {
		return false
	}
	want, err := tokenRequest(q)
	if err != nil {
		return false
	}
	want.AtOnce = true
	m.known = &usualRequest{bytes.Clone(raw), want}
	d.last.Store(m.known)
	return true
}

// usualHeaders are the headers of a usual request. They do not change the answer.
var usualHeaders = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Accept-Language": true, "Connection": true,
	"Content-Length": true, "Content-Type": true, "User-Agent": true,
}

// usualBody returns the body of a usual request: one whole POST of [api.PathToken] in
// printable ASCII, with each header once, and nothing after its body. It returns nil for
// any other bytes. The parser is net/http's.
func usualBody(raw []byte) []byte {
	head, body, whole := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !whole || !bytes.HasPrefix(raw, []byte("POST "+api.PathToken+" HTTP/1.1\r\n")) || !isPlain(head) {
		return nil
	}
	r, err := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(raw), len(raw)))
	if err != nil || r.Host != "regent" && r.Host != "localhost" {
		return nil
	}
	if r.Close || r.ContentLength <= 0 || r.ContentLength != int64(len(body)) || len(r.TransferEncoding) > 0 {
		return nil
	}
	for name, values := range r.Header {
		if !usualHeaders[name] || len(values) != 1 || name == "Connection" && values[0] != "keep-alive" {
			return nil
		}
	}
	return body
}

// isPlain reports whether the lines of a header end in CRLF, do not continue, and have
// nothing else than printable ASCII.
func isPlain(head []byte) bool {
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if len(line) == 0 || line[0] == ' ' || bytes.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
			return false
		}
	}
	return true
}

// send writes the answer with the header that net/http would write. The header is written
// last, because it has the length of the body.
func (d *directWay) send(c *connection, m *directState, g agent.Grant) error {
	t, reply := tokenOf(g), d.getBuffer()
	defer d.putBuffer(reply)
	var room [headRoom]byte
	reply.Write(room[:])
	appendTokenLine(reply, &t)
	size, now := reply.Len()-headRoom, d.Now()
	if s := now.Unix(); s != m.second {
		m.second, m.date = s, now.UTC().AppendFormat(m.date[:0], http.TimeFormat)
	}
	h := append(room[:0], "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: "...)
	h = append(strconv.AppendInt(h, int64(size), 10), "\r\nContent-Type: "+api.ContentType+"\r\nDate: "...)
	h = append(append(h, m.date...), "\r\n\r\n"...)
	out := reply.Bytes()[headRoom-len(h):]
	copy(out, h)
	if size > replyBufferSize {
		d.accounts.reserveReply(c.account.Name, size, true)
		defer d.accounts.releaseReply(c.account.Name, size)
	}
	if m.sendUntil.Sub(now) < writeTimeout {
		m.sendUntil = now.Add(writeTimeout + deadlineStep)
		_ = c.SetWriteDeadline(m.sendUntil)
	}
	if _, err := c.Write(out); err != nil {
		return err
	}
	if m.readUntil.Sub(now) < idleTimeout {
		m.readUntil = now.Add(idleTimeout + deadlineStep)
		return c.SetReadDeadline(m.readUntil)
	}
	return nil
}
