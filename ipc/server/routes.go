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

// endpoint answers one call. The reply is put on the wire as JSON; nil is an
// answer without a body.
type endpoint func(w http.ResponseWriter, r *http.Request, by agent.Caller) (reply any, err error)

// Who asks, before the answer, whether the caller is still who it was. The
// agent does where that comes between the decision and the audit record.
const (
	agentAsks  = true
	serverAsks = false
)

type route struct {
	method, path string
	do           endpoint
	rechecked    bool
}

func (s *Server) routes() []route {
	return []route{
		{http.MethodPost, api.PathToken, s.token, agentAsks},
		{http.MethodDelete, api.PathLease, s.release, agentAsks},
		{http.MethodPost, api.PathInvalidate, s.invalidate, agentAsks},
		{http.MethodGet, api.PathWatch, s.watch, agentAsks},
		{http.MethodGet, api.PathExplain, s.explain, serverAsks},
		{http.MethodGet, api.PathStatus, s.status, serverAsks},
		{http.MethodPost, api.PathRegistration, s.register, serverAsks},
		{http.MethodPost, api.PathReload, s.reload, serverAsks},
		{http.MethodGet, api.PathPolicy, s.policy, serverAsks},
		{http.MethodPost, api.PathRedeem, s.redeem, serverAsks},
		{http.MethodDelete, api.PathInstance, s.forget, serverAsks},
		{http.MethodGet, api.PathLedger, s.ledger, serverAsks},
		{http.MethodPost, api.PathResolve, s.resolve, serverAsks},
		{http.MethodGet, api.PathStore, s.store, serverAsks},
		{http.MethodPost, api.PathStoreVerb, s.storeVerb, serverAsks},
		{http.MethodDelete, api.PathRegistration, s.unregister, serverAsks},
		{http.MethodGet, api.PathDiagnosis, s.diagnosis, serverAsks},
		{http.MethodGet, api.PathMetrics, s.metrics, serverAsks},
		{http.MethodGet, api.PathContract, s.contract, serverAsks},
	}
}

// mux finds the endpoint. For what is none it says so in the shape of every
// other error.
func (s *Server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	for _, rt := range s.routes() {
		mux.HandleFunc(rt.method+" "+rt.path, func(w http.ResponseWriter, r *http.Request) { s.call(w, r, rt) })
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
			s.fail(w, r, refuse(http.StatusMethodNotAllowed, "this path takes %s only", allow))
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, notFound()) })
	return mux
}

func notFound() error {
	return refuse(http.StatusNotFound, "there is no such path in version 1 of this interface; see ipc/PROTOCOL.md")
}

// guard refuses what cannot come from a program that means to talk to us: a
// browser that was led here names another host or where it comes from. It also
// turns a panic into an answer, so that one request's defect is not the next
// one's.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				s.Log.ErrorContext(r.Context(), "[unexpected] panic while serving", "panic", p, "stack", string(debug.Stack()))
				s.fail(w, r, fault.E("serve", fault.Internal, nil))
			}
		}()
		h := r.Header
		switch p := r.URL.Path; {
		case h["Origin"] != nil || h["Referer"] != nil:
			s.turnAway(w, r, fault.Errorf("check origin", fault.Denied, "requests with Origin or Referer come from a browser and are refused"))
		case r.Host != "regent" && r.Host != "localhost":
			s.turnAway(w, r, fault.Errorf("check host", fault.Denied, "Host is %.80q, want regent or localhost", r.Host))
		case !strings.HasPrefix(p, "/") || path.Clean(p) != p: // the mux would redirect
			s.fail(w, r, notFound())
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// call is the order of operations of a local request.
func (s *Server) call(w http.ResponseWriter, r *http.Request, rt route) {
	// 1. The caller, from the kernel, taken when it connected and held since.
	by, err := callerOf(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if rt.path != api.PathToken { // which has no time to lose
		s.tellLate(r.Context())
	}
	if err := s.afford(r, rt, by); err != nil {
		detain(r)
		s.turnAway(w, r, err)
		return
	}
	// 2. Decide; 3. still alive, same executable; 4. audit: the agent does these
	// three in this order, for it knows the rules and what is at stake.
	reply, err := rt.do(w, r, by)
	if err != nil {
		s.refused(r, rt)
		s.fail(w, r, err)
		return
	}
	// 5. Where the agent has not asked it: still alive, same executable?
	if !rt.rechecked {
		if err := still(by); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	// 6. Answer.
	s.answer(w, r, reply)
}

// afford takes the call from the user's credit, unless it asks for a token: a
// hand-out costs next to nothing, and must not fail because of what others do.
func (s *Server) afford(r *http.Request, rt route, by agent.Caller) error {
	if rt.path == api.PathToken {
		return nil
	}
	wait := s.users.spend(accountOf(r))
	if wait == 0 {
		return nil
	}
	return fault.Errorf("serve", fault.Throttled, "user %s asks too often; more than %d calls a second are refused, but for tokens", by.UID, perSecond).After(wait)
}

// refused slows the refusals of tokens to a user who gets one after the other:
// each is a line in the audit log, which must not be flooded.
func (s *Server) refused(r *http.Request, rt route) {
	if rt.path == api.PathToken && s.users.spendRefusal(accountOf(r)) > 0 {
		detain(r)
	}
}

// detain lets a caller wait that does not: who asks again at once, over many
// connections, would otherwise take the time of all others.
func detain(r *http.Request) {
	select {
	case <-time.After(maxTarpit):
	case <-r.Context().Done():
	}
}

func still(by agent.Caller) error {
	check := by.Recheck
	if check == nil {
		check = by.Process.Alive
	}
	if err := check(); err != nil {
		return fault.Errorf("attest", fault.Denied, "the process that asked has ended or become another program").Because(err)
	}
	return nil
}
