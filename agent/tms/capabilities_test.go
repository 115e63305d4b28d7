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

// TestNeitherForm: what is known of one form survives what comes of the other.
func TestNeitherForm(t *testing.T) {
	type note struct {
		form  string
		proof Proof
	}
	for _, tt := range []struct {
		name  string
		notes []note
		want  bool
	}{
		{"one", []note{{Wrapped, Accepted}, {Wrapped, Ignored}}, false},
		{"both", []note{{Wrapped, Accepted}, {Wrapped, Ignored}, {Bare, Accepted}, {Bare, Ignored}}, true},
		{"the second is not decided", []note{{Wrapped, Ignored}, {Bare, Accepted}}, false},
		{"a person's third is not decided", []note{{Wrapped, Ignored}, {Bare, Ignored}, {Wrapped, Accepted}}, false},
		{"a person's third", []note{{Wrapped, Ignored}, {Bare, Ignored}, {Wrapped, Accepted}, {Wrapped, Ignored}}, true},
		{"a person's third is listed", []note{{Wrapped, Ignored}, {Bare, Ignored}, {Wrapped, Accepted}, {Wrapped, ByPerson}}, false},
		{"one twice", []note{{Bare, Ignored}, {Bare, Ignored}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var l Capabilities
			for _, n := range tt.notes {
				l.NoteRedemption(n.form, "regent-1", n.proof, time.Unix(1, 0))
			}
			if l.Request.NeitherForm() != tt.want {
				t.Errorf("got %+v, want neither: %t", l.Request, tt.want)
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
