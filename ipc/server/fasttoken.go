package server

import (
	"bytes"

	"regent/ipc/api"
)

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
