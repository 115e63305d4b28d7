package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strconv"
	"time"

	"regent/agent/fault"
	"regent/ipc/api"
)

// httpStatusOf is the one place where kinds become HTTP. What a kind means is in
// the code of the problem; the status only groups: 4xx the caller or an
// administrator can mend, 5xx the agent or the service has to.
var httpStatusOf = map[fault.Kind]int{
	fault.InvalidRequest:        http.StatusBadRequest,
	fault.Denied:                http.StatusForbidden,
	fault.UnknownApplication:    http.StatusNotFound,
	fault.UnknownInstance:       http.StatusNotFound,
	fault.NoFreeInstance:        http.StatusConflict,
	fault.NotRegistered:         http.StatusConflict,
	fault.RegistrationExpired:   http.StatusConflict,
	fault.RegistrationExhausted: http.StatusConflict,
	fault.RegistrationRefused:   http.StatusConflict,
	fault.RedemptionUncertain:   http.StatusConflict,
	fault.RedemptionUnconfirmed: http.StatusConflict,
	fault.Revoked:               http.StatusGone,
	fault.RefreshLost:           http.StatusGone,
	fault.RefreshExpired:        http.StatusGone,
	fault.RefreshUncertain:      http.StatusServiceUnavailable,
	fault.Throttled:             http.StatusTooManyRequests,
	fault.Unavailable:           http.StatusServiceUnavailable,
	fault.StoreLocked:           http.StatusServiceUnavailable,
	fault.StoreUnreadable:       http.StatusServiceUnavailable,
	fault.StoreMissing:          http.StatusServiceUnavailable,
	fault.StoreRolledBack:       http.StatusServiceUnavailable,
	fault.Quarantined:           http.StatusServiceUnavailable,
	fault.Internal:              http.StatusInternalServerError,
}

// statusFault is an invalid request with a status of its own: HTTP has one for it.
type statusFault struct {
	*fault.Fault
	status int
}

func (r *statusFault) Unwrap() error { return r.Fault }

func newStatusFault(status int, format string, args ...any) error {
	return &statusFault{fault.Errorf("read request", fault.InvalidRequest, format, args...), status}
}

// readBody decodes the body of a request.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, into any) error {
	b := s.getBuffer()
	defer s.putBuffer(b)
	if err := readAll(w, r, b); err != nil {
		return err
	}
	return decodeFault(b.Bytes(), into)
}

// readTokenRequest is read for the call that has to be quick: what it returns costs no
// memory.
func (s *Server) readTokenRequest(w http.ResponseWriter, r *http.Request) (api.TokenRequest, error) {
	b := s.getBuffer()
	defer s.putBuffer(b)
	if err := readAll(w, r, b); err != nil {
		return api.TokenRequest{}, err
	}
	if usual, ok := decodeTokenRequestFast(b.Bytes()); ok {
		return usual, nil
	}
	var q api.TokenRequest
	err := decodeFault(b.Bytes(), &q)
	return q, err
}

// decodeFault is decode, with its errors as faults.
func decodeFault(b []byte, into any) error {
	if err := decodeStrict(b, into); err != nil {
		return fault.Errorf("read request", fault.InvalidRequest, "the body is not the JSON object of this call: %v; see ipc/PROTOCOL.md", err)
	}
	return nil
}

// readAll takes the body in. The header has a time limit of the server's; the
// body gets its own here, since the server's would also end the wait for an
// answer.
func readAll(w http.ResponseWriter, r *http.Request, into *bytes.Buffer) error {
	c, ok := connectionOf(r)
	if !ok {
		return fault.Errorf("read request", fault.Internal, "[unexpected] the request came over no connection")
	}
	body := r.Body
	if r.ContentLength < 0 || r.ContentLength > maxBodyBytes {
		body = http.MaxBytesReader(w, body, maxBodyBytes)
	}
	c.startBodyTimer(bodyTimeout)
	_, err := into.ReadFrom(body)
	err = c.stopBodyTimer(err)
	large, isLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case err == nil:
		return nil
	case isLarge:
		return newStatusFault(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", large.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		return newStatusFault(http.StatusRequestTimeout, "the body did not arrive within %v", bodyTimeout)
	default:
		return fault.Errorf("read request", fault.InvalidRequest, "the body did not arrive whole").WithCause(err)
	}
}

// getBuffer returns one that is empty, with room for an answer with a token.
func (s *Server) getBuffer() *bytes.Buffer {
	if b, ok := s.buffers.Get().(*bytes.Buffer); ok {
		return b
	}
	return bytes.NewBuffer(make([]byte, 0, replyBufferSize))
}

// putBuffer wipes a buffer, which may hold a token, for the next one.
func (s *Server) putBuffer(b *bytes.Buffer) {
	all := b.Bytes()
	clear(all[:cap(all)])
	b.Reset()
	if b.Cap() <= maxBodyBytes {
		s.buffers.Put(b)
	}
}

// writeReply writes a reply, and its length: it is known, and spares the client
// the chunks.
func (s *Server) writeReply(w http.ResponseWriter, r *http.Request, reply any) {
	w.Header()["Cache-Control"] = []string{"no-store"}
	if reply == nil {
		abandonBody(w, r)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if open, ok := reply.(streamReply); ok {
		s.stream(w, r, open)
		return
	}
	var whole replyParts
	contentType := api.ContentType
	switch v := reply.(type) {
	case replyParts:
		whole = v
	case metricsText:
		whole, contentType = replyParts{[]byte(v)}, api.MetricsType
	default:
		b := s.getBuffer()
		defer s.putBuffer(b)
		if err := encodeLine(b, v); err != nil {
			s.logEncodeError(w, r, err)
			return
		}
		whole = replyParts{b.Bytes()}
	}
	done, err := s.reserveReply(r, whole.size())
	if err != nil {
		throttle(r)
		s.rejectCaller(w, r, err)
		return
	}
	defer done()
	s.writeParts(w, r, http.StatusOK, contentType, whole...)
}

func (s *Server) logEncodeError(w http.ResponseWriter, r *http.Request, err error) {
	s.Log.ErrorContext(r.Context(), "[unexpected] a reply cannot be encoded", "err", err)
	w.WriteHeader(http.StatusInternalServerError)
}

// writeParts writes an answer. Its parts may be shared, and are not changed.
func (s *Server) writeParts(w http.ResponseWriter, r *http.Request, status int, contentType string, parts ...[]byte) {
	abandonBody(w, r)
	h := w.Header()
	values := []string{contentType, strconv.Itoa(replyParts(parts).size())}
	h["Content-Type"], h["Content-Length"] = values[:1:1], values[1:]
	w.WriteHeader(status)
	// The answer is taken in, or the connection goes: whoever does not read must
	// not hold a goroutine for ever. Each answer sets its own limit.
	if c, ok := connectionOf(r); ok {
		_ = c.SetWriteDeadline(s.Now().Add(writeTimeout)) // a connection that is closed needs none
	}
	for _, b := range parts {
		if _, err := w.Write(b); err != nil {
			s.Log.DebugContext(r.Context(), "the caller went before its answer", "err", err)
			return
		}
	}
}

// encodeLine writes v as one line of JSON.
func encodeLine(b *bytes.Buffer, v any) error {
	if t, ok := v.(*api.Token); ok {
		b.Write(append(t.AppendJSON(b.AvailableBuffer()), '\n'))
		return nil
	}
	return json.NewEncoder(b).Encode(v)
}

// writeFault writes what the caller may know of err. The rest goes to the log.
func (s *Server) writeFault(w http.ResponseWriter, r *http.Request, err error) {
	f, status := classify(err)
	switch {
	case f.Kind == fault.Internal:
		s.Log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	case f.Err != nil:
		s.logFailure(r, f, err)
	default:
		s.Log.DebugContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	s.writeProblem(w, r, f, status)
}

// rejectCaller is fail for who is refused before the agent is asked: the audit log
// does not have that, so the log always has.
func (s *Server) rejectCaller(w http.ResponseWriter, r *http.Request, err error) {
	f, status := classify(err)
	s.logFailure(r, f, err)
	s.writeProblem(w, r, f, status)
}

// writeProblem answers with what the caller may know of f.
func (s *Server) writeProblem(w http.ResponseWriter, r *http.Request, f *fault.Fault, status int) {
	p := &api.Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Code: string(f.Kind), Detail: f.Text(), Instance: f.Instance,
	}
	if f.Retry > 0 {
		p.RetryAfter = int64((f.Retry + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.FormatInt(p.RetryAfter, 10))
	}
	b := s.getBuffer()
	defer s.putBuffer(b)
	if err := encodeLine(b, p); err != nil {
		s.logEncodeError(w, r, err)
		return
	}
	s.writeParts(w, r, status, api.ProblemType, b.Bytes())
}

// logFailure logs a failure: the same of one user once a minute, with how often it
// came, since a caller can cause it at will.
func (s *Server) logFailure(r *http.Request, f *fault.Fault, err error) {
	s.logRepeatedFailures(r.Context())
	k := failureKey{kind: f.Kind, op: f.Op, route: r.Pattern}
	if c, ok := connectionOf(r); ok {
		k.user = c.account.Name
	}
	times, say := s.failureLog.Allow(k, 1)
	if !say {
		return
	}
	attrs := []any{"method", r.Method, "path", r.URL.Path, "user", k.user, "err", err}
	if times > 1 {
		attrs = append(attrs, "times", times)
	}
	s.Log.InfoContext(r.Context(), "request failed", attrs...)
}

// logRepeatedFailures logs how often came what has not come since. It is called when there
// is something else to do: nothing wakes for it.
func (s *Server) logRepeatedFailures(ctx context.Context) {
	for _, late := range s.failureLog.Due() {
		k := late.Key
		s.Log.InfoContext(ctx, "requests failed as before", "route", k.route, "user", k.user, "op", k.op, "kind", string(k.kind), "times", late.Times)
	}
}

// failureKey is what is logged as one. A caller can make no end of paths, but not
// of any of this.
type failureKey struct {
	user  string
	kind  fault.Kind
	op    string
	route string // "" if it got no further than the guard
}

func classify(err error) (*fault.Fault, int) {
	if own, ok := errors.AsType[*statusFault](err); ok {
		return own.Fault, own.status
	}
	f := fault.From(err)
	if f.Kind == fault.Internal && errors.Is(err, context.Canceled) { // the caller went, or the daemon is ending
		f = fault.Errorf(f.Op, fault.Unavailable, "the agent is ending; ask again").WithCause(err)
	}
	status, ok := httpStatusOf[f.Kind]
	if !ok {
		status = http.StatusInternalServerError
	}
	return f, status
}
