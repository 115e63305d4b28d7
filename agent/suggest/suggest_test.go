package suggest

import (
	"slices"
	"testing"
)

func TestNearest(t *testing.T) {
	words := []string{"tenant", "timeout", "allow", "id"}
	for in, want := range map[string]string{
		"tenent": "tenant", "Tenant": "tenant", "tennat": "tenant", "timeot": "timeout", "alow": "allow",
		"di": "", "x": "", "something": "", "tnnt": "", "*": "",
	} {
		if got := Nearest(in, words); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSimilar(t *testing.T) {
	words := []string{"registration-token", "auth-token", "login", "logout", "list", "berlin-1", "berlin-2", "berlin-3", "berlin-4"}
	for in, want := range map[string][]string{
		"lsit": {"list"}, "LOGIN": {"login"}, "log": {"login", "logout"}, "token": {"registration-token", "auth-token"},
		"berlin": {"berlin-1", "berlin-2", "berlin-3"}, "en": nil, "": nil, "something": nil,
	} {
		if got := Similar(in, words); !slices.Equal(got, want) {
			t.Errorf("Similar(%q) = %q, want %q", in, got, want)
		}
	}
	if got, want := DidYouMean("log", words), "; did you mean login or logout?"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := Flag("cont", []string{"count", "out", "json"}), "; did you mean --count?"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Flag("c", []string{"count"}); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
	if got := DidYouMean("something", words); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}
