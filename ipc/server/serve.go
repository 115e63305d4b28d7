package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"regent/agent"
	"regent/agent/fault"
	"regent/ipc/api"
)

// endpointFunc answers one call. The reply is sent as JSON; nil is an answer without a
// body.
type endpointFunc func(w http.ResponseWriter, r *http.Request, by agent.Caller) (reply any, err error)

// Who checks before the answer that the caller is still the same process: see package
// agent.
const (
	recheckedByAgent  = true
	recheckedByServer = false
)

type route struct {
	method, path string
	serve        endpointFunc
	rechecked    bool
}

func (s *Server) routes() []route {
	return []route{
		{http.MethodPost, api.PathToken, s.token, recheckedByAgent},
		{http.MethodDelete, api.PathLease, onInstance(s.Agent.Release), recheckedByAgent},
		{http.MethodPost, api.PathInvalidate, s.invalidate, recheckedByAgent},
		{http.MethodGet, api.PathWatch, s.watch, recheckedByAgent},
		{http.MethodGet, api.PathExplain, s.explain, recheckedByServer},
		{http.MethodGet, api.PathStatus, s.status, recheckedByServer},
		{http.MethodPost, api.PathRegistration, s.register, recheckedByServer},
		{http.MethodPost, api.PathReload, s.reload, recheckedByServer},
		{http.MethodGet, api.PathPolicy, asking(s.Policy), recheckedByServer},
		{http.MethodPost, api.PathRedeem, onInstance(s.Agent.Redeem), recheckedByServer},
		{http.MethodDelete, api.PathInstance, onInstance(s.Agent.Forget), recheckedByServer},
		{http.MethodGet, api.PathLedger, s.ledger, recheckedByServer},
		{http.MethodPost, api.PathResolve, s.resolve, recheckedByServer},
		{http.MethodGet, api.PathStore, asking(s.StoreManager.StoreStatus), recheckedByServer},
		{http.MethodPost, api.PathStoreVerb, s.storeVerb, recheckedByServer},
		{http.MethodDelete, api.PathRegistration, asking(s.StoreManager.Unregister), recheckedByServer},
		{http.MethodGet, api.PathDiagnosis, s.diagnosis, recheckedByServer},
		{http.MethodGet, api.PathMetrics, asking(s.Agent.Metrics), recheckedByServer},
		{http.MethodGet, api.PathContract, asking(s.Agent.Contract), recheckedByServer},
	}
}

// mux finds the endpoint. An unknown path gets a problem like every other error.
func (s *Server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	for _, rt := range s.routes() {
		mux.HandleFunc(rt.method+" "+rt.path, func(w http.ResponseWriter, r *http.Request) { s.serveRoute(w, r, rt) })
		methods[rt.path] = append(methods[rt.path], rt.method)
		if rt.method == http.MethodGet {
			methods[rt.path] = append(methods[rt.path], http.MethodHead)
		}
	}
	for p, known := range methods {
		slices.Sort(known)
		allow := strings.Join(known, ", ")
		mux.HandleFunc(p, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", allow)
			s.writeFault(w, r, newStatusFault(http.StatusMethodNotAllowed, "this path accepts only %s", allow))
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.writeFault(w, r, notFound()) })
	return mux
}

func notFound() error {
	return newStatusFault(http.StatusNotFound, "unknown path in version 1 of this interface; see PROTOCOL.md, which is beside the guides")
}

// rejectBrowsers refuses requests of a browser: they have Origin, Referer or another Host.
// It also turns a panic into an answer, so that a defect in one request does not affect
// the next one.
func (s *Server) rejectBrowsers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				s.writeFault(w, r, s.panicked(r.Context(), p))
			}
		}()
		h := r.Header
		switch p := r.URL.Path; {
		case h["Origin"] != nil || h["Referer"] != nil:
			s.rejectCaller(w, r, fault.Errorf("check origin", fault.Denied, "requests with Origin or Referer come from a browser, and are denied"))
		case r.Host != "regent" && r.Host != "localhost":
			s.rejectCaller(w, r, fault.Errorf("check host", fault.Denied, "Host is %.80q, but must be regent or localhost", r.Host))
		case !strings.HasPrefix(p, "/") || path.Clean(p) != p: // the mux would redirect
			s.writeFault(w, r, notFound())
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// panicked logs a panic, and returns the fault for its caller.
func (s *Server) panicked(ctx context.Context, p any) error {
	s.Log.ErrorContext(ctx, "[unexpected] panic while serving", "panic", p, "stack", string(debug.Stack()))
	return fault.New("serve", fault.Internal, nil)
}

// serveRoute does the steps of a request, in their order.
func (s *Server) serveRoute(w http.ResponseWriter, r *http.Request, rt route) {
	// 1. The caller, which the kernel named when it connected.
	by, err := callerOf(r)
	if err != nil {
		s.writeFault(w, r, err)
		return
	}
	if rt.path != api.PathToken { // token requests must be fast
		s.logRepeatedFailures(r.Context())
	}
	if err := s.chargeCall(r, rt, by); err != nil {
		throttle(r)
		s.rejectCaller(w, r, err)
		return
	}
	// 2. Decide. 3. Check that the process is alive, with the same executable. 4. Write
	// the audit record. The agent does these three in this order.
	reply, err := rt.serve(w, r, by)
	if err != nil {
		s.throttleRefusals(r, rt)
		s.writeFault(w, r, err)
		return
	}
	// 5. Check the process here if the agent did not.
	if !rt.rechecked {
		if err := by.Verify("attest"); err != nil {
			s.writeFault(w, r, err)
			return
		}
	}
	// 6. Answer.
	s.writeReply(w, r, reply)
}

// chargeCall takes the call from the user's credit, unless it asks for a token. A token
// costs little, and must not fail because of other calls.
func (s *Server) chargeCall(r *http.Request, rt route, by agent.Caller) error {
	if rt.path == api.PathToken {
		return nil
	}
	wait := s.accounts.takeCall(accountOf(r))
	if wait == 0 {
		return nil
	}
	return fault.Errorf("serve", fault.Throttled, "user %s sends too many calls: at most %d per second, without calls for tokens", by.UID, callsPerSecond).WithRetry(wait)
}

// throttleRefusals delays refusals of tokens to a user who gets many. Each is a line in the
// audit log, which must not be flooded.
func (s *Server) throttleRefusals(r *http.Request, rt route) {
	if rt.path == api.PathToken && s.accounts.takeRefusal(accountOf(r)) > 0 {
		throttle(r)
	}
}

// throttle delays an answer. A caller that retries at once over many connections would
// otherwise block others.
func throttle(r *http.Request) {
	select {
	case <-time.After(throttleDelay):
	case <-r.Context().Done():
	}
}

// readAll reads the body. The body has its own time limit, since the HTTP server's limit
// would also end the wait for an answer.
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
		return fault.Errorf("read request", fault.InvalidRequest, "the body is incomplete").WithCause(err)
	}
}

// getBuffer returns an empty buffer with room for an answer with a token.
func (s *Server) getBuffer() *bytes.Buffer {
	if b, ok := s.buffers.Get().(*bytes.Buffer); ok {
		return b
	}
	return bytes.NewBuffer(make([]byte, 0, replyBufferSize))
}

// putBuffer wipes a buffer, which may have a token, for reuse.
func (s *Server) putBuffer(b *bytes.Buffer) {
	all := b.Bytes()
	clear(all[:cap(all)])
	b.Reset()
	if b.Cap() <= maxBodyBytes {
		s.buffers.Put(b)
	}
}

// replyParts are the parts of a reply in JSON. Nobody changes them.
type replyParts [][]byte

func (p replyParts) size() (n int) {
	for _, b := range p {
		n += len(b)
	}
	return n
}

// writeReply writes a reply with its length, so that the client gets no chunks.
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
	case string:
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

// reserveReply charges a reply to the caller's account before it is written. It refuses a
// read call if the account has no credit or does not read its replies. It never refuses
// the reply of a call that changed something.
func (s *Server) reserveReply(r *http.Request, size int) (done func(), err error) {
	if size <= replyBufferSize {
		return func() {}, nil
	}
	account := accountOf(r)
	looks := r.Method == http.MethodGet || r.Method == http.MethodHead
	if wait := s.accounts.reserveReply(account, size, !looks); wait > 0 {
		return nil, fault.Errorf("serve", fault.Throttled, "this reply has %d KiB, and the user has requested too many long replies; each %d KiB count as a call", size>>10, replyBytesPerCall>>10).WithRetry(wait)
	}
	return func() { s.accounts.releaseReply(account, size) }, nil
}

// writeParts writes an answer. It does not change the parts, which may be shared.
func (s *Server) writeParts(w http.ResponseWriter, r *http.Request, status int, contentType string, parts ...[]byte) {
	abandonBody(w, r)
	h := w.Header()
	values := []string{contentType, strconv.Itoa(replyParts(parts).size())}
	h["Content-Type"], h["Content-Length"] = values[:1:1], values[1:]
	w.WriteHeader(status)
	// A client that does not read in time loses its connection, so that it cannot block a
	// goroutine forever. Each answer sets its own limit.
	if c, ok := connectionOf(r); ok {
		_ = c.SetWriteDeadline(s.Now().Add(writeTimeout)) // a closed connection needs none
	}
	for _, b := range parts {
		if _, err := w.Write(b); err != nil {
			s.Log.DebugContext(r.Context(), "the caller disconnected before its answer", "err", err)
			return
		}
	}
}

// encodeLine writes v as one line of JSON.
func encodeLine(b *bytes.Buffer, v any) error {
	if t, ok := v.(*api.Token); ok {
		appendTokenLine(b, t)
		return nil
	}
	return json.NewEncoder(b).Encode(v)
}
