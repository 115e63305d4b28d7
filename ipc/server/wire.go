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

// statusOf is the one place where kinds become HTTP. What a kind means is in
// the code of the problem; the status only groups: 4xx the caller or an
// administrator can mend, 5xx the agent or the service has to.
var statusOf = map[fault.Kind]int{
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

// refusal is an invalid request with a status of its own: HTTP has one for it.
type refusal struct {
	*fault.Fault
	status int
}

func (r *refusal) Unwrap() error { return r.Fault }

func refuse(status int, format string, args ...any) error {
	return &refusal{fault.Errorf("read request", fault.InvalidRequest, format, args...), status}
}

// read decodes the body of a request.
func (s *Server) read(w http.ResponseWriter, r *http.Request, into any) error {
	b := s.buffer()
	defer s.recycle(b)
	if err := receive(w, r, b); err != nil {
		return err
	}
	return parse(b.Bytes(), into)
}

// readToken is read for the call that has to be quick: what it returns costs no
// memory.
func (s *Server) readToken(w http.ResponseWriter, r *http.Request) (api.TokenRequest, error) {
	b := s.buffer()
	defer s.recycle(b)
	if err := receive(w, r, b); err != nil {
		return api.TokenRequest{}, err
	}
	if usual, ok := quick(b.Bytes()); ok {
		return usual, nil
	}
	var q api.TokenRequest
	err := parse(b.Bytes(), &q)
	return q, err
}

// parse is decode, with its errors as faults.
func parse(b []byte, into any) error {
	if err := decode(b, into); err != nil {
		return fault.Errorf("read request", fault.InvalidRequest, "the body is not the JSON object of this call: %v; see ipc/PROTOCOL.md", err)
	}
	return nil
}

// receive takes the body in. The header has a time limit of the server's; the
// body gets its own here, since the server's would also end the wait for an
// answer.
func receive(w http.ResponseWriter, r *http.Request, into *bytes.Buffer) error {
	c, ok := connectionOf(r)
	if !ok {
		return fault.Errorf("read request", fault.Internal, "[unexpected] the request came over no connection")
	}
	body := r.Body
	if r.ContentLength < 0 || r.ContentLength > maxBody {
		body = http.MaxBytesReader(w, body, maxBody)
	}
	c.await(bodyTimeout)
	_, err := into.ReadFrom(body)
	err = c.arrived(err)
	large, isLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case err == nil:
		return nil
	case isLarge:
		return refuse(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", large.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		return refuse(http.StatusRequestTimeout, "the body did not arrive within %v", bodyTimeout)
	default:
		return fault.Errorf("read request", fault.InvalidRequest, "the body did not arrive whole").Because(err)
	}
}

// buffer returns one that is empty, with room for an answer with a token.
func (s *Server) buffer() *bytes.Buffer {
	if b, ok := s.buffers.Get().(*bytes.Buffer); ok {
		return b
	}
	return bytes.NewBuffer(make([]byte, 0, usualReply))
}

// recycle wipes a buffer, which may hold a token, for the next one.
func (s *Server) recycle(b *bytes.Buffer) {
	all := b.Bytes()
	clear(all[:cap(all)])
	b.Reset()
	if b.Cap() <= maxBody {
		s.buffers.Put(b)
	}
}

// answer writes a reply, and its length: it is known, and spares the client
// the chunks.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, reply any) {
	w.Header()["Cache-Control"] = []string{"no-store"}
	if reply == nil {
		dismiss(w, r)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if open, ok := reply.(stream); ok {
		s.stream(w, r, open)
		return
	}
	var whole pieces
	contentType := api.ContentType
	switch v := reply.(type) {
	case pieces:
		whole = v
	case exposition:
		whole, contentType = pieces{[]byte(v)}, api.MetricsType
	default:
		b := s.buffer()
		defer s.recycle(b)
		if err := encode(b, v); err != nil {
			s.unencoded(w, r, err)
			return
		}
		whole = pieces{b.Bytes()}
	}
	done, err := s.lend(r, whole.size())
	if err != nil {
		detain(r)
		s.turnAway(w, r, err)
		return
	}
	defer done()
	s.put(w, r, http.StatusOK, contentType, whole...)
}

func (s *Server) unencoded(w http.ResponseWriter, r *http.Request, err error) {
	s.Log.ErrorContext(r.Context(), "[unexpected] a reply cannot be encoded", "err", err)
	w.WriteHeader(http.StatusInternalServerError)
}

// put writes an answer. Its parts may be shared, and are not changed.
func (s *Server) put(w http.ResponseWriter, r *http.Request, status int, contentType string, parts ...[]byte) {
	dismiss(w, r)
	h := w.Header()
	values := []string{contentType, strconv.Itoa(pieces(parts).size())}
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

// encode writes v as one line of JSON.
func encode(b *bytes.Buffer, v any) error {
	if t, ok := v.(*api.Token); ok {
		b.Write(append(t.AppendJSON(b.AvailableBuffer()), '\n'))
		return nil
	}
	return json.NewEncoder(b).Encode(v)
}

// fail writes what the caller may know of err. The rest goes to the log.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	f, status := classify(err)
	switch {
	case f.Kind == fault.Internal:
		s.Log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	case f.Err != nil:
		s.tell(r, f, err)
	default:
		s.Log.DebugContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	s.refuseWith(w, r, f, status)
}

// turnAway is fail for who is refused before the agent is asked: the audit log
// does not have that, so the log always has.
func (s *Server) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	f, status := classify(err)
	s.tell(r, f, err)
	s.refuseWith(w, r, f, status)
}

// refuseWith answers with what the caller may know of f.
func (s *Server) refuseWith(w http.ResponseWriter, r *http.Request, f *fault.Fault, status int) {
	p := &api.Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Code: string(f.Kind), Detail: f.Text(), Instance: f.ID,
	}
	if f.Retry > 0 {
		p.RetryAfter = int64((f.Retry + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.FormatInt(p.RetryAfter, 10))
	}
	b := s.buffer()
	defer s.recycle(b)
	if err := encode(b, p); err != nil {
		s.unencoded(w, r, err)
		return
	}
	s.put(w, r, status, api.ProblemType, b.Bytes())
}

// tell logs a failure: the same of one user once a minute, with how often it
// came, since a caller can cause it at will.
func (s *Server) tell(r *http.Request, f *fault.Fault, err error) {
	s.tellLate(r.Context())
	k := failure{kind: f.Kind, op: f.Op, route: r.Pattern}
	if c, ok := connectionOf(r); ok {
		k.user = c.user.Name
	}
	times, say := s.told.Say(k)
	if !say {
		return
	}
	attrs := []any{"method", r.Method, "path", r.URL.Path, "user", k.user, "err", err}
	if times > 1 {
		attrs = append(attrs, "times", times)
	}
	s.Log.InfoContext(r.Context(), "request failed", attrs...)
}

// tellLate logs how often came what has not come since. It is called when there
// is something else to do: nothing wakes for it.
func (s *Server) tellLate(ctx context.Context) {
	for _, late := range s.told.Due() {
		k := late.Key
		s.Log.InfoContext(ctx, "requests failed as before", "route", k.route, "user", k.user, "op", k.op, "kind", string(k.kind), "times", late.Times)
	}
}

// failure is what is logged as one. A caller can make no end of paths, but not
// of any of this.
type failure struct {
	user  string
	kind  fault.Kind
	op    string
	route string // "" if it got no further than the guard
}

func classify(err error) (*fault.Fault, int) {
	if own, ok := errors.AsType[*refusal](err); ok {
		return own.Fault, own.status
	}
	f := fault.Of(err)
	if f.Kind == fault.Internal && errors.Is(err, context.Canceled) { // the caller went, or the daemon is ending
		f = fault.Errorf(f.Op, fault.Unavailable, "the agent is ending; ask again").Because(err)
	}
	status, ok := statusOf[f.Kind]
	if !ok {
		status = http.StatusInternalServerError
	}
	return f, status
}
