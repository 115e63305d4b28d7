package server

import (
	"bytes"

	"regent/ipc/api"
)

// quick reads a token request of the usual form, at a tenth of what
// encoding/json takes. It refuses nothing: what it does not know (escapes,
// other types, unknown or repeated keys) is for decode to judge. That the two
// never differ is held by FuzzQuick.
func quick(b []byte) (q api.TokenRequest, ok bool) {
	s := scan{b}
	if !s.take('{') {
		return q, false
	}
	for first := true; !s.take('}'); first = false {
		if !first && !s.take(',') {
			return q, false
		}
		name, ok := s.text()
		if !ok || !s.take(':') || !s.field(string(name), &q) {
			return api.TokenRequest{}, false
		}
	}
	s.space()
	return q, len(s.rest) == 0
}

// scan is JSON that is yet to be read.
type scan struct{ rest []byte }

func (s *scan) space() { s.rest = bytes.TrimLeft(s.rest, " \t\r\n") }

// take takes one character, after space.
func (s *scan) take(c byte) bool {
	s.space()
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// field takes the value of a field that has none yet.
func (s *scan) field(name string, q *api.TokenRequest) bool {
	switch name {
	case "application":
		return s.word(&q.Application)
	case "instance":
		return s.word(&q.Instance)
	case "min_ttl":
		return s.number(&q.MinTTL)
	case "wait":
		return s.number(&q.Wait)
	}
	return false
}

func (s *scan) word(into *string) bool {
	v, ok := s.text()
	if !ok || len(v) == 0 || *into != "" {
		return false
	}
	*into = string(v)
	return true
}

// text takes a string of plain characters.
func (s *scan) text() ([]byte, bool) {
	if !s.take('"') {
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

// number takes a whole number above 0 of at most nine digits.
func (s *scan) number(into *int64) bool {
	s.space()
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
