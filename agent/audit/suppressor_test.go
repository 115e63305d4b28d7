package audit

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// newTestSuppressor returns a suppressor whose clock is set by hand.
func newTestSuppressor(most int) (*Suppressor[string], *time.Time) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	f := NewSuppressor[string](func() time.Time { return now })
	f.messages.Max = most
	return f, &now
}

func wantAllowed(t *testing.T, f *Suppressor[string], k string, times int) {
	t.Helper()
	if got, say := f.Allow(k, 1); got != times || say != (times > 0) {
		t.Errorf("Allow(%q) = %d, %t; want %d", k, got, say, times)
	}
}

func TestAllow(t *testing.T) {
	f, now := newTestSuppressor(10)
	wantAllowed(t, f, "a", 1)
	for range 59 {
		*now = now.Add(time.Second)
		wantAllowed(t, f, "a", 0)
	}
	wantAllowed(t, f, "b", 1) // another is another
	*now = now.Add(time.Second)
	wantAllowed(t, f, "a", 60)
	wantAllowed(t, f, "a", 0)
	*now = now.Add(-time.Hour) // somebody set the clock
	wantAllowed(t, f, "a", 2)
}

// What came and was not said is not lost, though it never comes again.
func TestDue(t *testing.T) {
	f, now := newTestSuppressor(10)
	f.Due() // the first look
	for range 3 {
		f.Allow("a", 1)
	}
	f.Allow("b", 1)
	if got := f.Due(); got != nil {
		t.Errorf("Due at once = %v", got)
	}
	*now = now.Add(time.Minute)
	if got, want := f.Due(), []Suppressed[string]{{"a", 2}}; !slices.Equal(got, want) {
		t.Errorf("Due = %v, want %v", got, want)
	}
	*now = now.Add(time.Minute)
	if got := f.Due(); got != nil || f.messages.Len() != 0 {
		t.Errorf("Due once more = %v, %d remembered", got, f.messages.Len())
	}
}

// TestCounter: the key that came longest ago makes room, whatever the clock says.
func TestCounter(t *testing.T) {
	c := Counter[string, int]{Max: 2}
	for _, k := range []string{"a", "b", "a"} {
		if count, evicted := c.Add(k, 2); evicted != nil || count.Key != k {
			t.Errorf("Add(%s) = %+v, %+v", k, count, evicted)
		}
	}
	if _, evicted := c.Add("c", 1); evicted == nil || evicted.Key != "b" || evicted.Times != 2 {
		t.Errorf("%+v made room, want b", evicted)
	}
	if l := c.List(); len(l) != 2 || l[0].Key != "a" || l[0].Times != 4 || l[1].Key != "c" || c.Has("b") {
		t.Errorf("List = %+v", l)
	}
}

// A flood of different things takes no more memory than its limit.
func TestSuppressorIsBounded(t *testing.T) {
	f, now := newTestSuppressor(3)
	for _, k := range []string{"a", "b", "c", "d", "e"} {
		*now = now.Add(time.Second)
		wantAllowed(t, f, k, 1)
	}
	if f.messages.Len() != 3 {
		t.Errorf("%d are remembered, want 3", f.messages.Len())
	}
	wantAllowed(t, f, "e", 0)
	wantAllowed(t, f, "a", 1) // it was forgotten
}

// What is forgotten to make room is not lost if it was left unsaid, and that
// takes no more memory either.
func TestEvictedIsDue(t *testing.T) {
	f, now := newTestSuppressor(2)
	f.Due() // the first look
	for _, k := range []string{"a", "b", "c", "d"} {
		*now = now.Add(time.Second)
		f.Allow(k, 1)
		f.Allow(k, 1)
		f.Allow(k, 1)
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
		f.Allow(strconv.Itoa(n), 1)
		f.Allow(strconv.Itoa(n), 1)
	}
	if len(f.evicted) != 2 {
		t.Errorf("%d numbers are kept, want 2", len(f.evicted))
	}
}
