package server

import (
	"net/http"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"regent/agent"
	"regent/agent/fault"
	"regent/ipc/api"
)

// endpointFunc answers one call. The reply is put on the wire as JSON; nil is an
// answer without a body.
type endpointFunc func(w http.ResponseWriter, r *http.Request, by agent.Caller) (reply any, err error)

// Who asks, before the answer, whether the caller is still itself: see package agent.
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
		{http.MethodDelete, api.PathLease, s.release, recheckedByAgent},
		{http.MethodPost, api.PathInvalidate, s.invalidate, recheckedByAgent},
		{http.MethodGet, api.PathWatch, s.watch, recheckedByAgent},
		{http.MethodGet, api.PathExplain, s.explain, recheckedByServer},
		{http.MethodGet, api.PathStatus, s.status, recheckedByServer},
		{http.MethodPost, api.PathRegistration, s.register, recheckedByServer},
		{http.MethodPost, api.PathReload, s.reload, recheckedByServer},
		{http.MethodGet, api.PathPolicy, s.policy, recheckedByServer},
		{http.MethodPost, api.PathRedeem, s.redeem, recheckedByServer},
		{http.MethodDelete, api.PathInstance, s.forget, recheckedByServer},
		{http.MethodGet, api.PathLedger, s.ledger, recheckedByServer},
		{http.MethodPost, api.PathResolve, s.resolve, recheckedByServer},
		{http.MethodGet, api.PathStore, s.store, recheckedByServer},
		{http.MethodPost, api.PathStoreVerb, s.storeVerb, recheckedByServer},
		{http.MethodDelete, api.PathRegistration, s.unregister, recheckedByServer},
		{http.MethodGet, api.PathDiagnosis, s.diagnosis, recheckedByServer},
		{http.MethodGet, api.PathMetrics, s.metrics, recheckedByServer},
		{http.MethodGet, api.PathContract, s.contract, recheckedByServer},
	}
}

// mux finds the endpoint. For what is none it says so in the shape of every
// other error.
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
			s.writeFault(w, r, newStatusFault(http.StatusMethodNotAllowed, "this path takes %s only", allow))
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.writeFault(w, r, notFound()) })
	return mux
}

func notFound() error {
	return newStatusFault(http.StatusNotFound, "there is no such path in version 1 of this interface; see ipc/PROTOCOL.md")
}

// rejectBrowsers refuses what cannot come from a program that means to talk to us: a
// browser that was led here names another host or where it comes from. It also
// turns a panic into an answer, so that one request's defect is not the next
// one's.
func (s *Server) rejectBrowsers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				s.Log.ErrorContext(r.Context(), "[unexpected] panic while serving", "panic", p, "stack", string(debug.Stack()))
				s.writeFault(w, r, fault.New("serve", fault.Internal, nil))
			}
		}()
		h := r.Header
		switch p := r.URL.Path; {
		case h["Origin"] != nil || h["Referer"] != nil:
			s.rejectCaller(w, r, fault.Errorf("check origin", fault.Denied, "requests with Origin or Referer come from a browser and are refused"))
		case r.Host != "regent" && r.Host != "localhost":
			s.rejectCaller(w, r, fault.Errorf("check host", fault.Denied, "Host is %.80q, want regent or localhost", r.Host))
		case !strings.HasPrefix(p, "/") || path.Clean(p) != p: // the mux would redirect
			s.writeFault(w, r, notFound())
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// serveRoute is the order of operations of a local request.
func (s *Server) serveRoute(w http.ResponseWriter, r *http.Request, rt route) {
	// 1. The caller, from the kernel, taken when it connected and held since.
	by, err := callerOf(r)
	if err != nil {
		s.writeFault(w, r, err)
		return
	}
	if rt.path != api.PathToken { // which has no time to lose
		s.logRepeatedFailures(r.Context())
	}
	if err := s.chargeCall(r, rt, by); err != nil {
		throttle(r)
		s.rejectCaller(w, r, err)
		return
	}
	// 2. Decide; 3. still alive, same executable; 4. audit: the agent does these
	// three in this order, for it knows the rules and what is at stake.
	reply, err := rt.serve(w, r, by)
	if err != nil {
		s.throttleRefusals(r, rt)
		s.writeFault(w, r, err)
		return
	}
	// 5. Where the agent has not asked it: still alive, same executable?
	if !rt.rechecked {
		if err := by.Verify("attest"); err != nil {
			s.writeFault(w, r, err)
			return
		}
	}
	// 6. Answer.
	s.writeReply(w, r, reply)
}

// chargeCall takes the call from the user's credit, unless it asks for a token: a
// hand-out costs next to nothing, and must not fail because of what others do.
func (s *Server) chargeCall(r *http.Request, rt route, by agent.Caller) error {
	if rt.path == api.PathToken {
		return nil
	}
	wait := s.accounts.takeCall(accountOf(r))
	if wait == 0 {
		return nil
	}
	return fault.Errorf("serve", fault.Throttled, "user %s asks too often; more than %d calls a second are refused, but for tokens", by.UID, callsPerSecond).WithRetry(wait)
}

// throttleRefusals slows the refusals of tokens to a user who gets one after the other:
// each is a line in the audit log, which must not be flooded.
func (s *Server) throttleRefusals(r *http.Request, rt route) {
	if rt.path == api.PathToken && s.accounts.takeRefusal(accountOf(r)) > 0 {
		throttle(r)
	}
}

// throttle lets a caller wait that does not: who asks again at once, over many
// connections, would otherwise take the time of all others.
func throttle(r *http.Request) {
	select {
	case <-time.After(throttleDelay):
	case <-r.Context().Done():
	}
}
