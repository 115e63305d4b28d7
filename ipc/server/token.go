package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"regent/agent"
	"regent/agent/fault"
	"regent/agent/instance"
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

// decodeTokenRequestFast reads a token request of the usual form, at a tenth of what
// encoding/json takes. It refuses nothing: what it does not know (escapes,
// other types, unknown or repeated keys) is for decode to judge. That the two
// never differ is held by FuzzFastTokenRequest.
func decodeTokenRequestFast(b []byte) (q api.TokenRequest, ok bool) {
	s := jsonScanner{b}
	if !s.takeByte('{') {
		return q, false
	}
	for first := true; !s.takeByte('}'); first = false {
		if !first && !s.takeByte(',') {
			return q, false
		}
		name, ok := s.takePlainString()
		if !ok || !s.takeByte(':') || !s.takeField(string(name), &q) {
			return api.TokenRequest{}, false
		}
	}
	s.skipSpace()
	return q, len(s.rest) == 0
}

// jsonScanner is JSON that is yet to be read.
type jsonScanner struct{ rest []byte }

func (s *jsonScanner) skipSpace() { s.rest = bytes.TrimLeft(s.rest, " \t\r\n") }

// takeByte takes one character, after space.
func (s *jsonScanner) takeByte(c byte) bool {
	s.skipSpace()
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// takeField takes the value of a field that has none yet.
func (s *jsonScanner) takeField(name string, q *api.TokenRequest) bool {
	switch name {
	case "application":
		return s.takeString(&q.Application)
	case "instance":
		return s.takeString(&q.Instance)
	case "min_ttl":
		return s.takeNumber(&q.MinTTL)
	case "wait":
		return s.takeNumber(&q.Wait)
	}
	return false
}

func (s *jsonScanner) takeString(into *string) bool {
	v, ok := s.takePlainString()
	if !ok || len(v) == 0 || *into != "" {
		return false
	}
	*into = string(v)
	return true
}

// takePlainString takes a string of plain characters.
func (s *jsonScanner) takePlainString() ([]byte, bool) {
	if !s.takeByte('"') {
		return nil, false
	}
	for i, c := range s.rest {
		switch {
		case c == '"':
			v := s.rest[:i]
			s.rest = s.rest[i+1:]
			return v, true
		case c < ' ' || c > '~' || c == '\\':
			return nil, false
		}
	}
	return nil, false
}

// takeNumber takes a whole number above 0 of at most nine digits.
func (s *jsonScanner) takeNumber(into *int64) bool {
	s.skipSpace()
	n, v := 0, int64(0)
	for n < len(s.rest) && '0' <= s.rest[n] && s.rest[n] <= '9' {
		v = v*10 + int64(s.rest[n]-'0')
		if n++; n > 9 {
			return false
		}
	}
	if n == 0 || s.rest[0] == '0' || *into != 0 || n < len(s.rest) && (s.rest[n] == '.' || s.rest[n]|0x20 == 'e') {
		return false
	}
	s.rest = s.rest[n:]
	*into = v
	return true
}

// appendToken appends the token as encoding/json would, but for characters that it
// escapes for browsers. Nearly every answer is one, and it takes half of the time.
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
		return append(b, `""`...) // [unexpected] every string has a form
	}
	return append(b, quoted...)
}

// needsNoEscape reports whether s is its own form in JSON.
func needsNoEscape(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
