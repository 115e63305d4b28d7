package redeem

import (
	"strings"
	"testing"
	"time"

	"regent/agent/fault"
	"regent/agent/instance"
)

// The accounts that an instance can have, and whether they let a documented 500
// be retried where one retry is allowed.
var accounts = []struct {
	name      string
	account   Account
	retryable bool
}{
	{"nothing known", Account{}, true},
	{"one 500", Account{Doubt: []Entry{{Retryable: true}}, Retried: 1}, true},
	{"two 500", Account{Doubt: []Entry{{Retryable: true}, {Retryable: true}}, Retried: 2}, false},
	{"one lost", Account{Doubt: []Entry{{}}}, false},
	{"one 500 and one lost", Account{Doubt: []Entry{{Retryable: true}, {}}, Retried: 1}, false},
	{"one open", Account{Open: []Entry{{}}}, false},
	{"one 500 and one open", Account{Doubt: []Entry{{Retryable: true}}, Open: []Entry{{}}, Retried: 1}, false},
	{"two 500, one of them resolved", Account{Doubt: []Entry{{Retryable: true}}, Retried: 2}, false},
	{"one found used", Account{Hold: true, Spent: 1}, true},
	{"one found used, one 500", Account{Hold: true, Spent: 1, Doubt: []Entry{{Retryable: true}}, Retried: 1}, true},
	{"bought, and its record gone", Account{Confirmed: 1, Kept: "regent-1"}, true},
}

// TestDue walks every state, account and combination of flags. What it wants is
// said once more in words: a person may always; after a person found a count
// used nobody else may; a documented 500 is retried for whoever wanted it; an
// expired refresh token is replaced by policy once in 30 days; else only an
// unredeemed one that is wanted and that was never bought.
func TestDue(t *testing.T) {
	for _, state := range instance.States() {
		for _, a := range accounts {
			for flags := range 16 {
				s := situation{
					state: state, account: a.account, retries: 1,
					demand: flags&2 != 0, policy: flags&4 != 0,
				}
				s.account.Asked = flags&1 != 0
				if flags&8 != 0 {
					s.sinceGo = againEvery
				}
				want := false
				switch {
				case s.account.Asked:
					want = true
				case a.account.Hold:
				case state == instance.Unredeemed:
					want = s.demand && a.account.Kept == ""
				case state == instance.Uncertain:
					want = s.demand && a.retryable
				case state == instance.RefreshExpired:
					want = s.demand && s.policy && s.sinceGo >= againEvery
				}
				if got := s.due(); got != want {
					t.Errorf("%s, %s, person %t, demand %t, policy %t, after %s: got %t, want %t",
						state, a.name, s.account.Asked, s.demand, s.policy, s.sinceGo, got, want)
				}
			}
		}
	}
}

// TestDueWithoutRetries: one 500 is then the end.
func TestDueWithoutRetries(t *testing.T) {
	for retries, want := range []int{0, 1, 2, 3} {
		n := 0
		s := situation{state: instance.Uncertain, demand: true, retries: retries}
		for s.account.Doubt = append(s.account.Doubt, Entry{Retryable: true}); ; s.account.Doubt = append(s.account.Doubt, Entry{Retryable: true}) {
			s.account.Retried++
			if !s.due() {
				break
			}
			n++
		}
		if n != want {
			t.Errorf("with %d retries: got %d of them", want, n)
		}
	}
}

func TestStateOf(t *testing.T) {
	doubt, open := Account{Doubt: []Entry{{}}}, Account{Open: []Entry{{}}}
	for _, a := range []Account{doubt, open, {}} {
		none := len(a.Doubt)+len(a.Open) == 0
		want := instance.Uncertain
		if none {
			want = instance.Unredeemed
		}
		if got := stateOf(false, "", a); got != want {
			t.Errorf("not held, %+v: got %s, want %s", a, got, want)
		}
		for _, held := range instance.States() {
			want := held
			if !held.Refreshable() && !none {
				want = instance.Uncertain
			}
			if got := stateOf(true, held, a); got != want {
				t.Errorf("held %s, %+v: got %s, want %s", held, a, got, want)
			}
		}
	}
}

func TestReason(t *testing.T) {
	refused := Entry{Kind: Refused, Code: fault.RegistrationExhausted, Words: "no count left"}
	spent := Entry{Kind: Resolved, Instance: "cad/1", Consumed: true}
	tests := []struct {
		name    string
		account Account
		held    Held
		has     bool
		want    fault.Kind
		text    string // a part
	}{
		{"nothing", Account{}, Held{}, false, fault.NotRegistered, ""},
		{"a token is held", Account{}, Held{}, true, fault.NotRegistered, "is held"},
		{"in doubt", Account{Doubt: []Entry{{Words: "lost"}, {Words: "lost again"}}, Last: refused}, Held{Refused: fault.RegistrationExpired}, true, fault.RedemptionUncertain, "lost again"},
		{"the token was refused", Account{}, Held{Refused: fault.RegistrationExpired, RefusedText: "too late"}, true, fault.RegistrationExpired, "too late"},
		{"it was refused and dropped", Account{Last: refused}, Held{}, false, fault.RegistrationExhausted, "no count left"},
		{"the token was refused for another, later", Account{Last: refused}, Held{Refused: fault.RegistrationExpired, RefusedText: "too late"}, true, fault.RegistrationExpired, "too late"},
		{"another came since", Account{Last: refused}, Held{ReceivedAt: refused.At.Add(time.Second)}, true, fault.NotRegistered, "is held"},
		{"unused", Account{Last: Entry{Kind: Unused, Code: fault.Throttled, Words: "pause"}}, Held{}, false, fault.Throttled, "pause"},
		{"found used", Account{Last: spent, Hold: true}, Held{}, true, fault.NotRegistered, "regent instances redeem cad/1"},
		{"its record is gone", Account{Kept: "regent-1", Last: Entry{Kind: Confirmed}}, Held{}, true, fault.StoreUnreadable, "regent-1"},
		{"forgotten", Account{Hold: true, Last: Entry{Kind: Forgotten, Instance: "cad/1"}}, Held{}, false, fault.NotRegistered, "regent instances redeem cad/1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, text := reason(tt.account, tt.held, tt.has)
			if code != tt.want || !strings.Contains(text, tt.text) || (text == "") != (tt.text == "") {
				t.Errorf("got %s, %q, want %s, %q", code, text, tt.want, tt.text)
			}
		})
	}
}

// TestObstacle: where a person would redeem again, what is in the way is said.
func TestObstacle(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	const policy, none, left = "Regent redeemed it automatically on 2026-11-28, and does so again from 2026-12-28 on (once in 30 days)", "there is no registration token", "has no count left"
	for _, tt := range []struct {
		name    string
		s       situation
		refused fault.Kind
		has     bool
		want    []string
	}{
		{"nothing", situation{state: instance.RefreshExpired}, "", true, nil},
		{"policy has done it", situation{state: instance.RefreshExpired, policy: true, sinceGo: 24 * time.Hour}, "", true, []string{policy}},
		{"policy may do it", situation{state: instance.RefreshExpired, policy: true, sinceGo: againEvery}, "", true, nil},
		{"policy has done it, no count is left", situation{state: instance.RefreshExpired, policy: true, sinceGo: 24 * time.Hour}, fault.RegistrationExhausted, true, []string{policy, left}},
		{"lost, no count is left", situation{state: instance.RefreshLost, policy: true, sinceGo: 24 * time.Hour}, fault.RegistrationExhausted, true, []string{left}},
		{"revoked, refused", situation{state: instance.Revoked}, fault.RegistrationExpired, true, []string{"refused the registration token"}},
		{"revoked, none is held", situation{state: instance.Revoked}, "", false, []string{none}},
	} {
		got := tt.s.obstacle(Held{Refused: tt.refused}, tt.has, now)
		if (got == "") != (tt.want == nil) {
			t.Errorf("%s: %q", tt.name, got)
		}
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q, want %q in it", tt.name, got, want)
			}
		}
	}
}
