package server

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"regent/agent/fault"
	"regent/ipc/api"
)

// httpStatusOf returns the HTTP status of a kind. The code of the problem has the meaning.
// The status only groups: the caller or an administrator can correct 4xx, and the agent or
// the service must correct 5xx.
func httpStatusOf(k fault.Kind) int {
	switch k {
	case fault.InvalidRequest:
		return http.StatusBadRequest
	case fault.Denied:
		return http.StatusForbidden
	case fault.UnknownApplication, fault.UnknownInstance:
		return http.StatusNotFound
	case fault.NoFreeInstance, fault.NotRegistered, fault.RegistrationExpired, fault.RegistrationExhausted, fault.RegistrationRefused,
		fault.RedemptionUncertain, fault.RedemptionUnconfirmed:
		return http.StatusConflict
	case fault.Revoked, fault.RefreshLost, fault.RefreshExpired:
		return http.StatusGone
	case fault.Throttled:
		return http.StatusTooManyRequests
	case fault.RefreshUncertain, fault.Unavailable, fault.StoreLocked, fault.StoreUnreadable, fault.StoreMissing, fault.StoreRolledBack, fault.Quarantined:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// statusFault is an invalid request with its own HTTP status.
type statusFault struct {
	*fault.Fault
	status int
}

func (r *statusFault) Unwrap() error { return r.Fault }

func newStatusFault(status int, format string, args ...any) error {
	return &statusFault{fault.Errorf("read request", fault.InvalidRequest, format, args...), status}
}

func classify(err error) (*fault.Fault, int) {
	if own, ok := errors.AsType[*statusFault](err); ok {
		return own.Fault, own.status
	}
	f := fault.From(err)
	if f.Kind == fault.Internal && errors.Is(err, context.Canceled) { // the caller disconnected, or the daemon stops
		f = fault.Errorf(f.Op, fault.Unavailable, "the agent is stopping; try again").WithCause(err)
	}
	return f, httpStatusOf(f.Kind)
}

// writeFault writes the parts of err that the caller may see. The log gets the rest.
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

// rejectCaller is writeFault for a caller that the server refuses. The audit log does not
// have such a refusal, so the log always has it.
func (s *Server) rejectCaller(w http.ResponseWriter, r *http.Request, err error) {
	f, status := classify(err)
	s.logFailure(r, f, err)
	s.writeProblem(w, r, f, status)
}

// writeProblem answers with the parts of f that the caller may see.
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

func (s *Server) logEncodeError(w http.ResponseWriter, r *http.Request, err error) {
	s.Log.ErrorContext(r.Context(), "[unexpected] a reply cannot be encoded", "err", err)
	w.WriteHeader(http.StatusInternalServerError)
}

// logFailure logs a failure. It logs the same failure of one user once a minute, with its
// number, since a caller can cause it at will.
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

// logRepeatedFailures logs the number of repetitions of earlier failures. Other requests
// call it, so it needs no timer.
func (s *Server) logRepeatedFailures(ctx context.Context) {
	for _, late := range s.failureLog.Due() {
		k := late.Key
		s.Log.InfoContext(ctx, "requests failed as before", "route", k.route, "user", k.user, "op", k.op, "kind", string(k.kind), "times", late.Times)
	}
}

// failureKey identifies equal failures. It has no path, since a caller can invent any
// number of paths.
type failureKey struct {
	user  string
	kind  fault.Kind
	op    string
	route string // "" if rejectBrowsers refused it
}
