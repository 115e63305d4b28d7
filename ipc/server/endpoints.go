package server

import (
	"net/http"
	"strings"
	"time"
	"unicode"

	"regent/agent"
	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/status"
	"regent/agent/token"
	"regent/ipc/api"
)

const (
	maxTTL    = 365 * 24 * time.Hour // of min_ttl: more is a slip of the unit
	maxWait   = time.Hour            // of wait
	maxSource = 200                  // bytes of a registration's source
)

func (s *Server) token(w http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	q, err := s.readTokenRequest(w, r)
	if err != nil {
		return nil, err
	}
	want, err := tokenRequest(q)
	if err != nil {
		return nil, err
	}
	g, err := s.Tokens.Token(r.Context(), by, want)
	if err != nil {
		return nil, err
	}
	return &api.Token{
		AccessToken: g.Access.Reveal(), //nolint:forbidigo // handing it out is what this call is for
		TokenType:   "Bearer",
		ExpiresIn:   int64(g.ExpiresIn / time.Second),
		ExpiresAt:   g.ExpiresAt.UTC().Truncate(time.Second), // down, as ExpiresIn
		Application: g.Application,
		Instance:    g.Instance,
		Tenant:      g.Tenant,
		Generation:  g.Generation,
	}, nil
}

// tokenRequest checks a request's form. Whether there are such an application
// and instance is the agent's to say.
func tokenRequest(q api.TokenRequest) (agent.TokenRequest, error) {
	var none agent.TokenRequest
	if q.Application == "" {
		return none, invalidField("application", "it is missing")
	}
	if err := instance.CheckApplication(q.Application); err != nil {
		return none, invalidField("application", err.Error())
	}
	if q.Instance != "" {
		if _, err := instance.ParseNumber(q.Instance); err != nil {
			return none, invalidField("instance", err.Error())
		}
	}
	ttl, err := secondsOf("min_ttl", q.MinTTL, maxTTL)
	if err != nil {
		return none, err
	}
	wait, err := secondsOf("wait", q.Wait, maxWait)
	if err != nil {
		return none, err
	}
	return agent.TokenRequest{Application: q.Application, Instance: q.Instance, MinTTL: ttl, Wait: wait}, nil
}

func invalidField(field, why string) error {
	return fault.Errorf("read request", fault.InvalidRequest, "%s: %s", field, why)
}

// secondsOf checks before it multiplies, which could overflow.
func secondsOf(field string, n int64, most time.Duration) (time.Duration, error) {
	if n < 0 || n > int64(most/time.Second) {
		return 0, fault.Errorf("read request", fault.InvalidRequest, "%s is %d, want 0 to %d seconds", field, n, int64(most/time.Second))
	}
	return time.Duration(n) * time.Second, nil
}

// pathInstance returns the application and the instance's number of the path.
func pathInstance(r *http.Request) (application, number string, err error) {
	application, number = r.PathValue("application"), r.PathValue("instance")
	if err := instance.CheckApplication(application); err != nil {
		return "", "", invalidField("application", err.Error())
	}
	if _, err := instance.ParseNumber(number); err != nil {
		return "", "", invalidField("instance", err.Error())
	}
	return application, number, nil
}

func (s *Server) release(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	application, number, err := pathInstance(r)
	if err != nil {
		return nil, err
	}
	return nil, s.Tokens.Release(r.Context(), by, application, number)
}

func (s *Server) redeem(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	application, number, err := pathInstance(r)
	if err != nil {
		return nil, err
	}
	return nil, s.Registrar.Redeem(r.Context(), by, application, number)
}

func (s *Server) forget(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	application, number, err := pathInstance(r)
	if err != nil {
		return nil, err
	}
	return nil, s.Registrar.Forget(r.Context(), by, application, number)
}

func (s *Server) status(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	st, err := s.statusOf(r.Context(), by)
	if err != nil {
		return nil, err
	}
	return append(st, newline), nil
}

func (s *Server) reload(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	return nil, s.Reload(r.Context(), by)
}

func (s *Server) policy(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	p, err := s.Policy(r.Context(), by)
	if err != nil {
		return nil, err
	}
	return &p, nil
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
	got, err := s.Registrar.Register(r.Context(), by, want)
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
		if err := instance.CheckApplication(q.Application); err != nil {
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

// describeSource words where a registration token came from, for status and log. Who
// gave it is known; from where is what they say.
func describeSource(said string, by agent.Caller) (string, error) {
	if len(said) > maxSource || strings.ContainsFunc(said, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", invalidField("source", "want at most 200 bytes of printable text")
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
