package server

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"regent/agent"
	"regent/agent/status"
	"regent/agent/token"

	"regent/ipc/api"
)

// pathInstance returns the application and the instance number in the path.
func pathInstance(r *http.Request) (application, number string, err error) {
	application, number = r.PathValue("application"), r.PathValue("instance")
	if err := token.CheckApplication(application); err != nil {
		return "", "", invalidField("application", err.Error())
	}
	if _, err := token.ParseInstanceNumber(number); err != nil {
		return "", "", invalidField("instance", err.Error())
	}
	return application, number, nil
}

// onInstance makes an endpoint that calls do with the instance in the path.
func onInstance(do func(ctx context.Context, by agent.Caller, application, number string) error) endpointFunc {
	return func(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
		application, number, err := pathInstance(r)
		if err != nil {
			return nil, err
		}
		return nil, do(r.Context(), by, application, number)
	}
}

// asking makes an endpoint that answers with the result of ask.
func asking[T any](ask func(context.Context, agent.Caller) (T, error)) endpointFunc {
	return func(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
		return ask(r.Context(), by)
	}
}

func (s *Server) status(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	st, err := s.statusOf(r.Context(), by)
	return append(st, newline), err
}

func (s *Server) reload(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	return nil, s.Reload(r.Context(), by)
}

func (s *Server) register(w http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	var q api.RegistrationRequest
	if err := s.readBody(w, r, &q); err != nil {
		return nil, err
	}
	want, err := registration(q, by)
	if err != nil {
		return nil, err
	}
	got, err := s.Agent.Register(r.Context(), by, want)
	if err != nil {
		return nil, err
	}
	reply := &api.Registration{Tenant: got.Tenant, Fingerprint: got.Fingerprint, Stored: got.Stored, Instances: got.Instances}
	if reply.Instances == nil {
		reply.Instances = []status.Instance{} // a list on the wire, never null
	}
	return reply, nil
}

func registration(q api.RegistrationRequest, by agent.Caller) (agent.Registration, error) {
	var none agent.Registration
	wait, err := secondsOf("wait", q.Wait, maxWait)
	if err != nil {
		return none, err
	}
	if q.RegistrationToken == "" {
		return none, invalidField("registration_token", "it is missing")
	}
	if q.Application != "" {
		if err := token.CheckApplication(q.Application); err != nil {
			return none, invalidField("application", err.Error())
		}
	}
	source, err := describeSource(q.Source, by)
	if err != nil {
		return none, err
	}
	return agent.Registration{
		Token: token.NewSecret(q.RegistrationToken), Tenant: q.Tenant, Application: q.Application,
		Source: source, Manual: true, Wait: wait,
	}, nil
}

// describeSource describes the source of a registration token, for status and log. The
// kernel named the caller. The rest is the caller's own statement.
func describeSource(said string, by agent.Caller) (string, error) {
	if len(said) > maxSource || strings.ContainsFunc(said, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", invalidField("source", "it must have at most 200 bytes of printable text")
	}
	who := by.User
	if who == "" {
		who = by.UID
	}
	source := "regent register by " + who
	if said != "" {
		source += ", " + said
	}
	return source, nil
}

// maxRedemption is the longest ID of a redemption, in bytes.
const maxRedemption = 200

func (s *Server) resolve(w http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	var q api.Resolution
	if err := s.readBody(w, r, &q); err != nil {
		return nil, err
	}
	switch {
	case q.ID == "" || len(q.ID) > maxRedemption:
		return nil, invalidField("id", "it must be the id of a redemption in the ledger")
	case q.Consumed == nil: // no default, since it decides about a count
		return nil, invalidField("consumed", "it is missing; say true or false")
	}
	return nil, s.Agent.Resolve(r.Context(), by, q.ID, *q.Consumed)
}

func (s *Server) ledger(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	verify := r.URL.Query().Get("verify") == "true"
	if verify {
		if err := s.Agent.VerifyLedger(r.Context(), by); err != nil {
			return nil, err
		}
	}
	entries, err := s.Agent.Ledger(r.Context(), by)
	if err != nil {
		return nil, err
	}
	if entries == nil {
		entries = []api.LedgerEntry{} // a list on the wire, never null
	}
	return &api.Ledger{Entries: entries, Verified: verify}, nil
}

func (s *Server) storeVerb(w http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	var q api.StoreRequest
	if err := s.readBody(w, r, &q); err != nil {
		return nil, err
	}
	return s.StoreManager.RunStoreOperation(r.Context(), by, r.PathValue("verb"), q.Confirmed)
}

func (s *Server) diagnosis(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	d, err := s.Diagnose(r.Context(), by)
	if err != nil {
		return nil, err
	}
	st, err := s.statusOf(r.Context(), by) // it includes the new checks
	return diagnosisReply{d, slices.Concat(st...)}, err
}

// diagnosisReply is a diagnosis with an encoded status.
type diagnosisReply struct {
	api.Diagnosis
	Status json.RawMessage `json:"status"`
}
