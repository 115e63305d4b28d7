package emulator_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regent/agent/tms/emulator"
)

// TestParallelRedemptions: of 200 devices that come at once, exactly as many
// get an auth token as the registration token has counts.
func TestParallelRedemptions(t *testing.T) {
	const devices, counts = 200, 137
	f := newFixture(t, emulator.Knobs{})
	token := f.issue(counts)
	replies := make([]reply, devices)
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range devices {
		done.Go(func() {
			start.Wait()
			replies[i] = f.redeem(token, fmt.Sprint(i))
		})
	}
	start.Done()
	done.Wait()

	ids := map[string]bool{}
	var exhausted int
	for _, r := range replies {
		switch r.status {
		case http.StatusCreated:
			ids[r.grant(t, http.StatusCreated).ID] = true
		case http.StatusBadRequest:
			exhausted++
		}
	}
	s := f.State()
	if len(ids) != counts || exhausted != devices-counts {
		t.Errorf("%d auth tokens and %d refusals, want %d and %d", len(ids), exhausted, counts, devices-counts)
	}
	if s.Redeemed != counts || len(s.AuthTokens) != counts || s.RegistrationTokens[0].Used != counts {
		t.Errorf("redeemed %d, listed %d, used %d, want %d each",
			s.Redeemed, len(s.AuthTokens), s.RegistrationTokens[0].Used, counts)
	}
	if got := s.Requests[emulator.ClassRedeem]; got != devices {
		t.Errorf("%d redemptions counted, want %d", got, devices)
	}
}

// account is what a model knows of one registration token.
type account struct {
	id, token    string
	count, used  int
	disabled     bool
	deleted      bool
	last         time.Time // start of the day after the last one
	redeemedWith []string  // identifiers
}

// ledger is a model of the service's counts.
type ledger struct {
	f        *fixture
	admin    string
	accounts []*account
	dup      emulator.Duplicates
	total    int
}

// TestCountsModel does what people do, in any order, and holds each redemption
// and the counts against a model.
func TestCountsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &ledger{f: newFixture(t, emulator.Knobs{AccessLifetime: 1000 * 24 * time.Hour}), dup: emulator.DuplicatesCount}
		m.admin = m.f.admin()
		t.Repeat(map[string]func(*rapid.T){
			"create":  m.create,
			"redeem":  m.redeem,
			"switch":  m.toggle,
			"delete":  m.delete,
			"raise":   m.raise,
			"day":     func(*rapid.T) { m.f.advance(24 * time.Hour) },
			"repeats": m.duplicates,
			"":        m.check,
		})
	})
}

func (m *ledger) create(t *rapid.T) {
	count := rapid.IntRange(1, 3).Draw(t, "count")
	token, err := m.f.IssueRegistrationToken("r", count)
	if err != nil {
		t.Fatal(err)
	}
	tokens := m.f.State().RegistrationTokens
	m.accounts = append(m.accounts, &account{
		id: tokens[len(tokens)-1].ID, token: token, count: count,
		last: m.f.clock().Truncate(24*time.Hour).AddDate(0, 0, 31),
	})
}

// some draws a registration token, deleted ones included.
func (m *ledger) some(t *rapid.T) *account {
	if len(m.accounts) == 0 {
		t.Skip("no registration token yet")
	}
	return rapid.SampledFrom(m.accounts).Draw(t, "token")
}

func (m *ledger) redeem(t *rapid.T) {
	a := m.some(t)
	identifier := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "identifier")
	want, counted := m.predict(a, identifier)
	if counted {
		a.used++
		m.total++
		a.redeemedWith = append(a.redeemedWith, identifier)
	}
	if got := m.f.redeem(a.token, identifier); got.status != want {
		t.Fatalf("redeem: %d %s, want %d", got.status, got.body, want)
	}
}

func (m *ledger) predict(a *account, identifier string) (status int, counted bool) {
	again := slices.Contains(a.redeemedWith, identifier)
	switch {
	case a.deleted:
		return http.StatusUnauthorized, false
	case a.disabled:
		return http.StatusForbidden, false
	case !m.f.clock().Before(a.last):
		return http.StatusBadRequest, false
	case again && m.dup == emulator.DuplicatesRefuse:
		return http.StatusConflict, false
	case again && m.dup == emulator.DuplicatesSame:
		return http.StatusCreated, false
	case a.used == a.count:
		return http.StatusBadRequest, false
	}
	return http.StatusCreated, true
}

func (m *ledger) toggle(t *rapid.T) {
	a := m.some(t)
	if a.deleted {
		t.Skip("deleted")
	}
	a.disabled = !a.disabled
	status := map[bool]string{true: "DISABLED", false: "ENABLED"}[a.disabled]
	m.f.call("PATCH", "/registrationTokens/"+a.id, m.admin, `{"status":"`+status+`"}`).want(t, http.StatusOK)
}

func (m *ledger) raise(t *rapid.T) {
	a := m.some(t)
	count := rapid.IntRange(1, 5).Draw(t, "count")
	want := http.StatusOK
	switch {
	case a.deleted:
		want = http.StatusNotFound
	case count < a.used:
		want = http.StatusBadRequest
	default:
		a.count = count
	}
	m.f.call("PATCH", "/registrationTokens/"+a.id, m.admin, fmt.Sprintf(`{"count":%d}`, count)).want(t, want)
}

func (m *ledger) delete(t *rapid.T) {
	a := m.some(t)
	want := http.StatusNoContent
	if a.deleted {
		want = http.StatusNotFound
	}
	a.deleted = true
	m.f.call("DELETE", "/registrationTokens/"+a.id, m.admin, "").want(t, want)
}

func (m *ledger) duplicates(t *rapid.T) {
	m.dup = rapid.SampledFrom([]emulator.Duplicates{
		emulator.DuplicatesCount, emulator.DuplicatesRefuse, emulator.DuplicatesSame,
	}).Draw(t, "duplicates")
	k := m.f.Knobs()
	k.Duplicates = m.dup
	if err := m.f.SetKnobs(k); err != nil {
		t.Fatal(err)
	}
}

func (m *ledger) check(t *rapid.T) {
	s := m.f.State()
	if s.Redeemed != m.total || len(s.AuthTokens) != m.total {
		t.Fatalf("redeemed %d, listed %d, want %d", s.Redeemed, len(s.AuthTokens), m.total)
	}
	listed := s.RegistrationTokens
	for _, a := range m.accounts {
		if a.deleted {
			continue
		}
		if len(listed) == 0 || listed[0].ID != a.id || listed[0].Used != a.used || listed[0].Count != a.count {
			t.Fatalf("listed %+v, want %+v first", listed, a)
		}
		listed = listed[1:]
	}
	if len(listed) != 0 {
		t.Fatalf("listed besides: %+v", listed)
	}
}

// TestDuplicatesSame: with DuplicatesSame a redemption may be repeated when its
// reply was lost, and still works when no count is left.
func TestDuplicatesSame(t *testing.T) {
	f := newFixture(t, emulator.Knobs{Duplicates: emulator.DuplicatesSame})
	token := f.issue(1)
	first := f.redeem(token, "a").grant(t, http.StatusCreated)
	again := f.redeem(token, "a").grant(t, http.StatusCreated)
	if first.ID != again.ID || first.RefreshToken != again.RefreshToken {
		t.Error("two auth tokens, want the same one again")
	}
	if first.AccessToken == again.AccessToken {
		t.Error("the same access token, want a new one")
	}
	f.redeem(token, "b").want(t, http.StatusBadRequest)
}
