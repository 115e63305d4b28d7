package tms

import (
	"fmt"
	"testing"
	"time"
)

func TestNoteRedemption(t *testing.T) {
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name   string
		before RequestForm
		form   string
		proof  Proof
		want   Proof
		proven bool
	}{
		{"the first, without names", RequestForm{}, Wrapped, Accepted, Accepted, false},
		{"the first, with names", RequestForm{}, Wrapped, ByReply, ByReply, true},
		{"names later", RequestForm{Form: Wrapped, Proof: Accepted}, Wrapped, ByReply, ByReply, true},
		{"no names later", RequestForm{Form: Wrapped, Proof: ByReply}, Wrapped, Accepted, ByReply, true},
		{"another form without names", RequestForm{Form: Wrapped, Proof: ByReply}, Bare, Accepted, Accepted, false},
		{"a person", RequestForm{Form: Bare, Proof: Accepted}, Bare, ByPerson, ByPerson, true},
		{"an earlier release", RequestForm{}, Bare, ByRelease, ByRelease, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := Capabilities{Request: tt.before}
			l.NoteRedemption(tt.form, "regent-1", tt.proof, at)
			if l.Request.Proof != tt.want || l.Request.Form != tt.form || l.Request.Proven() != tt.proven {
				t.Errorf("got %+v", l.Request)
			}
		})
	}
}

func TestNoteRefusalForgetsOldest(t *testing.T) {
	var l Capabilities
	for n := range maxTried + 1 {
		l.NoteRefusal(fmt.Sprint(n), Refusal{At: time.Unix(int64(n), 0)})
	}
	if len(l.Tried) != maxTried || l.WasRefused("0") || !l.WasRefused("1") {
		t.Errorf("%d are kept, the oldest: %t", len(l.Tried), l.WasRefused("0"))
	}
}
