package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"regent/agent"
	"regent/agent/fault"
	"regent/agent/token"
	"regent/ipc/api"
)

const (
	maxTTL    = 365 * 24 * time.Hour // of min_ttl; more has the wrong unit
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
	if c, ok := connectionOf(r); ok {
		if err := c.takeDecision(); err != nil {
			return nil, err
		}
	}
	g, err := s.Agent.Token(r.Context(), by, want)
	if err != nil {
		return nil, err
	}
	t := tokenOf(g)
	return &t, nil
}

// tokenOf returns the body of an answer with a token.
func tokenOf(g agent.Grant) api.Token {
	return api.Token{
		AccessToken: g.Access.Reveal(), //nolint:forbidigo // this call issues it
		TokenType:   "Bearer",
		ExpiresIn:   int64(g.ExpiresIn / time.Second),
		ExpiresAt:   g.ExpiresAt.UTC().Truncate(time.Second), // down, as ExpiresIn
		Application: g.Application,
		Instance:    g.Instance,
		Tenant:      g.Tenant,
		Generation:  g.Generation,
	}
}

// tokenRequest checks the form of a request. The agent checks whether the application and
// the instance exist.
func tokenRequest(q api.TokenRequest) (agent.TokenRequest, error) {
	var none agent.TokenRequest
	if q.Application == "" {
		return none, invalidField("application", "it is missing")
	}
	if err := token.CheckApplication(q.Application); err != nil {
		return none, invalidField("application", err.Error())
	}
	if q.Instance != "" {
		if _, err := token.ParseInstanceNumber(q.Instance); err != nil {
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
		return 0, fault.Errorf("read request", fault.InvalidRequest, "%s is %d, but must be 0 to %d seconds", field, n, int64(most/time.Second))
	}
	return time.Duration(n) * time.Second, nil
}

// readTokenRequest reads the body of a token request.
func (s *Server) readTokenRequest(w http.ResponseWriter, r *http.Request) (api.TokenRequest, error) {
	b := s.getBuffer()
	defer s.putBuffer(b)
	if err := readAll(w, r, b); err != nil {
		return api.TokenRequest{}, err
	}
	return s.tokenRequests.decode(b.Bytes())
}

// Limits of [requestCache].
const (
	maxCachedBody     = 512  // bytes
	maxCachedRequests = 1024 // bodies
)

// requestCache caches token requests by their bodies. An application sends the same body
// each time, and decoding takes a third of the time of an answer. No body has a secret. It
// is safe for concurrent use.
type requestCache struct {
	mu     sync.Mutex
	byBody map[string]api.TokenRequest
}

// decode returns the token request in a body. It caches only valid ones.
func (c *requestCache) decode(body []byte) (api.TokenRequest, error) {
	c.mu.Lock()
	known, ok := c.byBody[string(body)]
	c.mu.Unlock()
	if ok {
		return known, nil
	}
	var q api.TokenRequest
	if err := decodeFault(body, &q); err != nil || len(body) > maxCachedBody {
		return q, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.byBody) >= maxCachedRequests {
		clear(c.byBody)
	}
	c.byBody[string(body)] = q
	return q, nil
}

// appendTokenLine writes a token as one line of JSON.
func appendTokenLine(b *bytes.Buffer, t *api.Token) {
	b.Write(append(appendToken(b.AvailableBuffer(), t), '\n'))
}

// appendToken appends the token like encoding/json, but without its escapes for browsers.
// It takes half of the time, and nearly every answer is a token.
func appendToken(b []byte, t *api.Token) []byte {
	b = appendString(append(b, `{"access_token":`...), t.AccessToken)
	b = appendString(append(b, `,"token_type":`...), t.TokenType)
	b = strconv.AppendInt(append(b, `,"expires_in":`...), t.ExpiresIn, 10)
	b = t.ExpiresAt.AppendFormat(append(b, `,"expires_at":"`...), time.RFC3339Nano)
	b = appendString(append(b, `","application":`...), t.Application)
	b = appendString(append(b, `,"instance":`...), t.Instance)
	b = appendString(append(b, `,"tenant":`...), t.Tenant)
	b = strconv.AppendUint(append(b, `,"generation":`...), t.Generation, 10)
	return append(b, '}')
}

func appendString(b []byte, s string) []byte {
	if needsNoEscape(s) {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	quoted, err := json.Marshal(s)
	if err != nil {
		return append(b, `""`...) // [unexpected] every string can be encoded
	}
	return append(b, quoted...)
}

// needsNoEscape reports whether JSON needs no escapes for s.
func needsNoEscape(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
