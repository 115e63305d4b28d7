package audit

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// clocked is a filter whose clock is set by hand.
func clocked(most int) (*Suppressor[string], *time.Time) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return NewSuppressor[string](time.Minute, most, func() time.Time { return now }), &now
}

func wantSaid(t *testing.T, f *Suppressor[string], k string, times int) {
	t.Helper()
	if got, say := f.Say(k); got != times || say != (times > 0) {
		t.Errorf("Say(%q) = %d, %t; want %d", k, got, say, times)
	}
}

func TestSay(t *testing.T) {
	f, now := clocked(10)
	wantSaid(t, f, "a", 1)
	for range 59 {
		*now = now.Add(time.Second)
		wantSaid(t, f, "a", 0)
	}
	wantSaid(t, f, "b", 1) // another is another
	*now = now.Add(time.Second)
	wantSaid(t, f, "a", 60)
	wantSaid(t, f, "a", 0)
	*now = now.Add(-time.Hour) // somebody set the clock
	wantSaid(t, f, "a", 2)
}

// What came and was not said is not lost, though it never comes again.
func TestDue(t *testing.T) {
	f, now := clocked(10)
	f.Due() // the first look
	for range 3 {
		f.Say("a")
	}
	f.Say("b")
	if got := f.Due(); got != nil {
		t.Errorf("Due at once = %v", got)
	}
	*now = now.Add(time.Minute)
	if got, want := f.Due(), []Suppressed[string]{{"a", 2}}; !slices.Equal(got, want) {
		t.Errorf("Due = %v, want %v", got, want)
	}
	*now = now.Add(time.Minute)
	if got := f.Due(); got != nil || len(f.said) != 0 {
		t.Errorf("Due once more = %v, %d remembered", got, len(f.said))
	}
}

// A flood of different things takes no more memory than was agreed.
func TestBounded(t *testing.T) {
	f, now := clocked(3)
	for _, k := range []string{"a", "b", "c", "d", "e"} {
		*now = now.Add(time.Second)
		wantSaid(t, f, k, 1)
	}
	if len(f.said) != 3 {
		t.Errorf("%d are remembered, want 3", len(f.said))
	}
	wantSaid(t, f, "e", 0)
	wantSaid(t, f, "a", 1) // it was forgotten
}

// What is forgotten to make room is not lost if it was left unsaid, and that
// takes no more memory either.
func TestForgottenIsDue(t *testing.T) {
	f, now := clocked(2)
	f.Due() // the first look
	for _, k := range []string{"a", "b", "c", "d"} {
		*now = now.Add(time.Second)
		f.Say(k)
		f.Say(k)
		f.Say(k)
	}
	if got, want := f.Due(), []Suppressed[string]{{"a", 2}, {"b", 2}}; !slices.Equal(got, want) {
		t.Errorf("Due = %v, want %v at once: their time is nobody's any more", got, want)
	}
	if got := f.Due(); got != nil {
		t.Errorf("Due once more = %v", got)
	}
	*now = now.Add(time.Minute)
	got := f.Due()
	slices.SortFunc(got, func(a, b Suppressed[string]) int { return strings.Compare(a.Key, b.Key) })
	if want := []Suppressed[string]{{"c", 2}, {"d", 2}}; !slices.Equal(got, want) {
		t.Errorf("Due after a minute = %v, want %v", got, want)
	}
	for n := range 100 { // and nobody asks what is due
		f.Say(strconv.Itoa(n))
		f.Say(strconv.Itoa(n))
	}
	if len(f.left) != 2 {
		t.Errorf("%d numbers are kept, want 2", len(f.left))
	}
}
