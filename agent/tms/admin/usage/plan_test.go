package usage_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/tms/admin/usage"
)

var now = time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)

func planStart(month time.Month, d int) time.Time {
	return time.Date(2026, month, d, 0, 0, 0, 0, time.UTC)
}

func TestNewPlan(t *testing.T) {
	tests := []struct {
		name string
		need usage.Need
		want usage.Plan
	}{
		{
			"a hundred devices of two instances",
			usage.Need{Devices: 100, Instances: 2},
			usage.Plan{Counts: 200, Tokens: []usage.PlannedToken{{200, planStart(11, 23), planStart(12, 23)}}},
		},
		{
			"with five per cent more",
			usage.Need{Devices: 101, Instances: 1, Spare: 5},
			usage.Plan{Counts: 107, Spare: 6, Tokens: []usage.PlannedToken{{107, planStart(11, 23), planStart(12, 23)}}},
		},
		{
			"a short rollout",
			usage.Need{Devices: 1, Instances: 1, Rollout: 3},
			usage.Plan{Counts: 1, Tokens: []usage.PlannedToken{{1, planStart(11, 23), planStart(11, 26)}}},
		},
		{
			"longer than a token lives",
			usage.Need{Devices: 5, Instances: 1, Rollout: 38},
			usage.Plan{Counts: 5, Tokens: []usage.PlannedToken{{3, planStart(11, 23), planStart(12, 23)}, {2, planStart(12, 23), planStart(12, 31)}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.need.Now = now
			got, err := usage.NewPlan(tt.need)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("-got +want:\n%s", diff)
			}
		})
	}
	for _, bad := range []usage.Need{
		{},
		{Devices: 1},
		{Devices: -1, Instances: 1},
		{Devices: 1, Instances: 1, Spare: 101},
		{Devices: 1, Instances: 1, Rollout: 366},
		{Devices: 1 << 30, Instances: 1 << 30},
	} {
		bad.Now = now
		if got, err := usage.NewPlan(bad); err == nil {
			t.Errorf("%+v: got %+v, want an error", bad, got)
		}
	}
}

// TestPlanProperty: whatever is asked for, the counts add up, no token lives
// longer than the service allows, and no day is without one.
func TestPlanProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := usage.Need{
			Devices: rapid.IntRange(1, 50_000).Draw(t, "devices"), Instances: rapid.IntRange(1, 9).Draw(t, "instances"),
			Spare: rapid.IntRange(0, 100).Draw(t, "spare"), Rollout: rapid.IntRange(1, 365).Draw(t, "rollout"), Now: now,
		}
		p, err := usage.NewPlan(n)
		if err != nil {
			t.Fatal(err)
		}
		sum, at := 0, planStart(11, 23)
		for _, token := range p.Tokens {
			sum += token.Count
			if !token.Make.Equal(at) {
				t.Fatalf("made on %v, want %v", token.Make, at)
			}
			if token.Count > 0 {
				one := admin.NewRegistrationToken{Identifier: "x", Count: token.Count, Expires: token.Expires}
				if err := one.Check(token.Make); err != nil {
					t.Fatal(err)
				}
			}
			at = token.Expires
		}
		if sum != p.Counts || p.Counts < n.Devices*n.Instances {
			t.Fatalf("%d counts in tokens of %d, want at least %d", sum, p.Counts, n.Devices*n.Instances)
		}
	})
}

func TestNewForecast(t *testing.T) {
	r := admin.RegistrationToken{Count: 100, Used: 30, UsedKnown: true, Created: now.AddDate(0, 0, -3), Expires: planStart(12, 3)}
	used := func(n int, ago time.Duration) []admin.AuthToken {
		all := make([]admin.AuthToken, n)
		for i := range all { // over two days
			all[i].Created = now.Add(-ago - time.Duration(i%2*48)*time.Hour)
		}
		return all
	}
	burst := func(n int, zone *time.Location) []admin.AuthToken {
		all := make([]admin.AuthToken, n)
		for i := range all {
			all[i].Created = now.Add(time.Duration(-i) * time.Minute).In(zone)
			if zone == tms.NoZone { // it is 5 hours ahead of UTC
				all[i].Created = all[i].Created.Add(5 * time.Hour)
			}
		}
		return all
	}
	tests := []struct {
		name   string
		tokens []admin.AuthToken
		change func(*admin.RegistrationToken)
		want   usage.Forecast
	}{
		{"ten a day: used up before its end", used(30, time.Hour), nil, usage.Forecast{Left: 70, PerDay: 10, UsedUp: planStart(11, 30)}},
		{"one a day: most lapse", used(3, time.Hour), nil, usage.Forecast{Left: 70, PerDay: 1, Lapsing: 60}},
		{"none: all lapse", nil, nil, usage.Forecast{Left: 70, Lapsing: 70}},
		{"what is older than a week says nothing of now", used(30, 8*24*time.Hour), func(r *admin.RegistrationToken) { r.Created = now.AddDate(0, 0, -20) }, usage.Forecast{Left: 70, Lapsing: 70}},
		{"expired", used(7, time.Hour), func(r *admin.RegistrationToken) { r.Expires = planStart(11, 22); r.Created = now.AddDate(0, 0, -9) }, usage.Forecast{Left: 70, PerDay: 1}},
		{"used counts not told", used(30, time.Hour), func(r *admin.RegistrationToken) { r.UsedKnown, r.Used = false, 0 }, usage.Forecast{Left: 70, AtMost: true, PerDay: 10, UsedUp: planStart(11, 30)}},
		{"creation dates not told", make([]admin.AuthToken, 2), nil, usage.Forecast{Left: 70, Undated: 2}},
		{"three in a minute", burst(3, time.UTC), nil, usage.Forecast{Left: 70, Early: true}},
		{"three in a minute, without a zone", burst(3, tms.NoZone), func(r *admin.RegistrationToken) { r.Created = now.Add(5 * time.Hour).In(tms.NoZone) }, usage.Forecast{Left: 70, Early: true}},
		{"one, a long time after the registration token", burst(1, time.UTC), func(r *admin.RegistrationToken) { r.Created = now.AddDate(0, 0, -20) }, usage.Forecast{Left: 70, Early: true}},
		{"none, of a new one", nil, func(r *admin.RegistrationToken) { r.Created = now.Add(-time.Hour) }, usage.Forecast{Left: 70, Early: true}},
		{"over two days, the last without a zone", append(used(2, time.Hour), burst(1, tms.NoZone)...), nil, usage.Forecast{Left: 70, PerDay: 1, Lapsing: 60}},
		{"used up", used(30, time.Hour), func(r *admin.RegistrationToken) { r.Used = 100 }, usage.Forecast{PerDay: 10, UsedUp: planStart(11, 23)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := r
			if tt.change != nil {
				tt.change(&r)
			}
			if diff := cmp.Diff(usage.NewForecast(r, tt.tokens, now), tt.want); diff != "" {
				t.Errorf("-got +want:\n%s", diff)
			}
		})
	}
}

func TestChoices(t *testing.T) {
	if got := usage.Choices(true)[0].Way; !strings.Contains(got, "shared") {
		t.Errorf("managed: %q first", got)
	}
	if got := usage.Choices(false)[0].Way; !strings.Contains(got, "each") {
		t.Errorf("not managed: %q first", got)
	}
}

// TestNewSessionCost: what a session maximum costs. One redemption in 30 days and instance is
// all that a device spends by itself; long sessions need fewer.
func TestNewSessionCost(t *testing.T) {
	need := usage.Need{Devices: 100, Instances: 2}
	for _, tt := range []struct {
		session time.Duration
		want    usage.SessionCost
	}{
		{10 * time.Hour, usage.SessionCost{EachEnd: 200, Always: 14_400, ByItself: 200}},
		{7 * time.Hour, usage.SessionCost{EachEnd: 200, Always: 20_572, ByItself: 200}},
		{30 * 24 * time.Hour, usage.SessionCost{EachEnd: 200, Always: 200, ByItself: 200}},
		{60 * 24 * time.Hour, usage.SessionCost{EachEnd: 200, Always: 100, ByItself: 100}},
	} {
		tt.want.Max = tt.session
		if got, err := usage.NewSessionCost(need, tt.session); err != nil || got != tt.want {
			t.Errorf("%s: got %+v, %v; want %+v", tt.session, got, err, tt.want)
		}
	}
	for _, bad := range []time.Duration{-time.Hour, 0, time.Second, 11 * 365 * 24 * time.Hour} {
		if got, err := usage.NewSessionCost(need, bad); err == nil {
			t.Errorf("%s: got %+v, want an error", bad, got)
		}
	}
}
