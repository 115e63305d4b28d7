package fault

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestEveryKindHasAdvice(t *testing.T) {
	word := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seen := map[Kind]bool{}
	for _, k := range Kinds() {
		text := k.Advice()
		if text == "" || strings.HasSuffix(text, ".") || strings.ToLower(text[:1]) != text[:1] {
			t.Errorf("%s: advice %q is not a sentence without a capital and a full stop", k, text)
		}
		if !word.MatchString(string(k)) || seen[k] {
			t.Errorf("kind %q is no word of the wire format, or stands there twice", k)
		}
		seen[k] = true
	}
	if len(advice) != len(Kinds()) {
		t.Errorf("%d kinds have advice, there are %d", len(advice), len(Kinds()))
	}
}

func TestExhaustedNamesBothCauses(t *testing.T) {
	for _, cause := range []string{"smaller than the number of devices and instances", "unexpected users"} {
		if !strings.Contains(RegistrationExhausted.Advice(), cause) {
			t.Errorf("advice %q does not name %q", RegistrationExhausted.Advice(), cause)
		}
	}
	if !strings.Contains(RegistrationExpired.Advice(), "even if the old one has counts left") {
		t.Errorf("advice %q lets the reader hope for the counts", RegistrationExpired.Advice())
	}
}

func TestFault(t *testing.T) {
	cause := errors.New("connection refused")
	f := Errorf("refresh", Unavailable, "%s cannot be reached", "demo-host.com").WithInstance("cad/1").WithRetry(time.Second).WithCause(cause)
	wrapped := fmt.Errorf("serve: %w", f)
	if !errors.Is(wrapped, Unavailable) || !errors.Is(wrapped, cause) || errors.Is(wrapped, Revoked) {
		t.Error("a fault is not its kind and its cause alone")
	}
	if got := KindOf(wrapped); got != Unavailable {
		t.Errorf("KindOf = %s", got)
	}
	if got, want := f.Error(), "refresh: unavailable (instance cad/1): demo-host.com cannot be reached: connection refused"; got != want {
		t.Errorf("Error = %q, want %q", got, want)
	}
	if got := f.Text(); got != "demo-host.com cannot be reached" {
		t.Errorf("Text = %q: the cause is for the log alone", got)
	}
	if got := New("token", Denied, cause).Text(); got != Denied.Advice() {
		t.Errorf("Text without a detail = %q, want the advice", got)
	}
}

func TestFrom(t *testing.T) {
	plain := errors.New("disk on fire")
	for _, tt := range []struct {
		name string
		err  error
		want Kind
	}{
		{"a fault", fmt.Errorf("x: %w", New("y", Revoked, nil)), Revoked},
		{"a bare kind", fmt.Errorf("x: %w", Throttled), Throttled},
		{"anything else", plain, Internal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := From(tt.err); got.Kind != tt.want || KindOf(tt.err) != tt.want {
				t.Errorf("Of = %v, KindOf = %s; want %s", got, KindOf(tt.err), tt.want)
			}
		})
	}
	if From(nil) != nil {
		t.Error("Of(nil) is an error")
	}
	if text := From(plain).Text(); strings.Contains(text, "fire") {
		t.Errorf("Text = %q: a cause crossed the boundary", text)
	}
}

// A failure that a person must correct has no time for a retry.
func TestNeedsPerson(t *testing.T) {
	for kind, want := range map[Kind]bool{Revoked: true, RegistrationExpired: true, RedemptionUncertain: true, Unavailable: false, Throttled: false, NotRegistered: false} {
		if got := kind.NeedsPerson(); got != want {
			t.Errorf("%s: got %t, want %t", kind, got, want)
		}
	}
}

// A command in a text names the instance.
func TestTextNamesTheInstance(t *testing.T) {
	for _, k := range []Kind{Revoked, RefreshLost, RefreshExpired} {
		if got, want := New("token", k, nil).WithInstance("cad/2").Text(), "regent instances redeem cad/2"; !strings.Contains(got, want) {
			t.Errorf("%s: Text = %q, want %q in it", k, got, want)
		}
		if got := New("token", k, nil).Text(); !strings.Contains(got, InstancePlaceholder) {
			t.Errorf("%s of no instance: Text = %q", k, got)
		}
	}
}
