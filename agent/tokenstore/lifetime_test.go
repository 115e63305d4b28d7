package tokenstore

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/timing/timingtest"
	"regent/agent/token"
)

func TestLifetime(t *testing.T) {
	type want struct {
		left  time.Duration
		known bool
		due   time.Duration
	}
	for _, tt := range []struct {
		name  string
		after func(*timingtest.Clock)
		want  want
	}{
		{"at once", func(*timingtest.Clock) {}, want{time.Hour, true, 0}},
		{"awake", func(*timingtest.Clock) { time.Sleep(20 * time.Minute) }, want{40 * time.Minute, true, 20 * time.Minute}},
		{"the lid was shut", func(c *timingtest.Clock) { c.Suspend(20 * time.Minute) }, want{40 * time.Minute, true, 20 * time.Minute}},
		{"past its end", func(c *timingtest.Clock) { c.Suspend(2 * time.Hour) }, want{0, true, 2 * time.Hour}},
		{"clock set ahead makes only a refresh due", func(c *timingtest.Clock) { c.SetWall(10 * time.Hour) }, want{time.Hour, true, 10 * time.Hour}},
		{"clock set back changes nothing", func(c *timingtest.Clock) { c.SetWall(-10 * time.Hour) }, want{time.Hour, true, 0}},
		{"clock set back while time passes", func(c *timingtest.Clock) { c.SetWall(-10 * time.Hour); c.Suspend(30 * time.Minute) }, want{30 * time.Minute, true, 30 * time.Minute}},
		{"another boot", func(c *timingtest.Clock) { c.Reboot("boot-2", 15*time.Minute) }, want{45 * time.Minute, true, 15 * time.Minute}},
		{"another boot, past its end", func(c *timingtest.Clock) { c.Reboot("boot-2", 15*time.Hour) }, want{0, true, 15 * time.Hour}},
		{"another boot, in 1970", func(c *timingtest.Clock) { c.Reboot("boot-2", -56*365*24*time.Hour) }, want{0, false, time.Hour}},
		{"a boot that has no name", func(c *timingtest.Clock) { c.Reboot("", time.Minute) }, want{59 * time.Minute, true, time.Minute}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := timingtest.New()
				l := kept(t, NewLifetime(c, time.Hour))
				tt.after(c)
				left, known := l.Remaining(c)
				if got := (want{left, known, l.DueAge(c)}); got != tt.want {
					t.Errorf("got %+v, want %+v", got, tt.want)
				}
			})
		})
	}
}

// kept writes l down and reads it again, as a restart does.
func kept(t *testing.T, l Lifetime) Lifetime {
	t.Helper()
	b, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	var out Lifetime
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Two boots without a name are not the same boot.
func TestUnknownBootID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := timingtest.New()
		c.Reboot("", 0)
		l := NewLifetime(c, time.Hour)
		c.Reboot("", 30*time.Minute)
		if left, known := l.Remaining(c); !known || left != 30*time.Minute {
			t.Errorf("Remaining = %v, %v; want 30m by civil time", left, known)
		}
	})
}

// TestSessionLimitText: a length that was learnt of whole seconds is told as the one that
// was configured.
func TestSessionLimitText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		36 * time.Second:              "36 s",
		2*time.Minute - time.Second:   "119 s",
		30*time.Minute - time.Second:  "30 min",
		2*time.Hour - time.Second:     "2 h",
		10*time.Hour - time.Second:    "10 h",
		48*time.Hour - time.Second:    "2 d",
		30*24*time.Hour - time.Second: "30 d",
	} {
		if got := token.SessionLimitText(d); got != "sessions end after about "+want+": this tenant needs offline tokens" {
			t.Errorf("%s: %q, want %s", d, got, want)
		}
	}
}
