package tms

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

// TestNoProofMeansSent: what no layer of ours has seen fail may have been sent.
func TestNoProofMeansSent(t *testing.T) {
	cause := errors.New("broken")
	tests := []struct {
		name string
		err  error
		want bool
	}{
		{"no connection", &attemptError{err: cause}, true},
		{"connected", &attemptError{connected: true, err: cause}, false},
		{"not ours", cause, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := notSent(tt.err); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

// TestBodyCannotBeSentTwice: Go's transport asks GetBody when it repeats.
func TestBodyCannotBeSentTwice(t *testing.T) {
	c, err := New(Options{Tenant: "https://host", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodDelete} {
		r, err := c.request(t.Context(), Call{Method: method, JSON: Request{Identifier: "x"}})
		if err != nil {
			t.Fatal(err)
		}
		if r.GetBody != nil {
			t.Errorf("%s: has GetBody", method)
		}
	}
}

func TestUnsendableTokenIsNotSent(t *testing.T) {
	for _, s := range []string{"", "two words", "line\n", "schön"} {
		if sendable(s) {
			t.Errorf("%q: sendable", s)
		}
	}
}
