package redeem

import (
	"strings"
	"testing"
	"time"

	"regent/agent/fault"
	"regent/agent/token"
)

// The accounts that an instance can have, and whether they let a documented 500
// be retried where one retry is allowed.
var accounts = []struct {
	name      string
	account   Account
	retryable bool
}{
	{"nothing known", Account{}, true},
	{"one 500", Account{RecentUncertain: []Entry{{Retryable: true}}, RetriesUsed: 1}, true},
	{"two 500", Account{RecentUncertain: []Entry{{Retryable: true}, {Retryable: true}}, RetriesUsed: 2}, false},
	{"one lost", Account{RecentUncertain: []Entry{{}}}, false},
	{"one 500 and one lost", Account{RecentUncertain: []Entry{{Retryable: true}, {}}, RetriesUsed: 1}, false},
	{"one open", Account{Open: []Entry{{}}}, false},
	{"one 500 and one open", Account{RecentUncertain: []Entry{{Retryable: true}}, Open: []Entry{{}}, RetriesUsed: 1}, false},
	{"two 500, one of them resolved", Account{RecentUncertain: []Entry{{Retryable: true}}, RetriesUsed: 2}, false},
	{"one found used", Account{ManualOnly: true, FoundConsumed: 1}, true},
	{"one found used, one 500", Account{ManualOnly: true, FoundConsumed: 1, RecentUncertain: []Entry{{Retryable: true}}, RetriesUsed: 1}, true},
	{"bought, and its record gone", Account{Confirmed: 1, CurrentIntent: "regent-1"}, true},
}

// TestDue walks every state, account and combination of flags. What it wants is
// said once more in words: a person may always; after a person found a count
// used nobody else may; a documented 500 is retried for whoever wanted it; an
// expired refresh token is replaced by policy once in 30 days; else only an
// unredeemed one that is wanted and that was never bought.
func TestDue(t *testing.T) {
	for _, state := range token.States() {
		for _, a := range accounts {
			for flags := range 16 {
				s := decisionInput{
					state: state, account: a.account, retryLimit: 1,
					wanted: flags&2 != 0, redeemOnExpiry: flags&4 != 0,
				}
				s.account.Requested = flags&1 != 0
				if flags&8 != 0 {
					s.sincePolicyRedeem = policyInterval
				}
				want := false
				switch {
				case s.account.Requested:
					want = true
				case a.account.ManualOnly:
				case state == token.Unredeemed:
					want = s.wanted && a.account.CurrentIntent == ""
				case state == token.Uncertain:
					want = s.wanted && a.retryable
				case state == token.RefreshExpired:
					want = s.wanted && s.redeemOnExpiry && s.sincePolicyRedeem >= policyInterval
				}
				if got := s.due(); got != want {
					t.Errorf("%s, %s, person %t, demand %t, policy %t, after %s: got %t, want %t",
						state, a.name, s.account.Requested, s.wanted, s.redeemOnExpiry, s.sincePolicyRedeem, got, want)
				}
			}
		}
	}
}

// TestDueWithoutRetries: one 500 is then the end.
func TestDueWithoutRetries(t *testing.T) {
	for retries, want := range []int{0, 1, 2, 3} {
		n := 0
		s := decisionInput{state: token.Uncertain, wanted: true, retryLimit: retries}
		for s.account.RecentUncertain = append(s.account.RecentUncertain, Entry{Retryable: true}); ; s.account.RecentUncertain = append(s.account.RecentUncertain, Entry{Retryable: true}) {
			s.account.RetriesUsed++
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
	doubt, open := Account{RecentUncertain: []Entry{{}}}, Account{Open: []Entry{{}}}
	for _, a := range []Account{doubt, open, {}} {
		none := len(a.RecentUncertain)+len(a.Open) == 0
		want := token.Uncertain
		if none {
			want = token.Unredeemed
		}
		if got := stateOf(false, "", a); got != want {
			t.Errorf("not held, %+v: got %s, want %s", a, got, want)
		}
		for _, held := range token.States() {
			want := held
			if !held.Refreshable() && !none {
				want = token.Uncertain
			}
			if got := stateOf(true, held, a); got != want {
				t.Errorf("held %s, %+v: got %s, want %s", held, a, got, want)
			}
		}
	}
}

func TestUnredeemedReason(t *testing.T) {
	refused := Entry{Kind: Refused, Code: fault.RegistrationExhausted, Words: "no count left"}
	spent := Entry{Kind: Resolved, Instance: "cad/1", Consumed: true}
	tests := []struct {
		name    string
		account Account
		held    RegistrationToken
		has     bool
		want    fault.Kind
		text    string // a part
	}{
		{"nothing", Account{}, RegistrationToken{}, false, fault.NotRegistered, ""},
		{"a token is held", Account{}, RegistrationToken{}, true, fault.NotRegistered, "is stored"},
		{"in doubt", Account{RecentUncertain: []Entry{{Words: "lost"}, {Words: "lost again"}}, Last: refused}, RegistrationToken{Refused: fault.RegistrationExpired}, true, fault.RedemptionUncertain, "lost again"},
		{"the token was refused", Account{}, RegistrationToken{Refused: fault.RegistrationExpired, RefusedText: "too late"}, true, fault.RegistrationExpired, "too late"},
		{"it was refused and dropped", Account{Last: refused}, RegistrationToken{}, false, fault.RegistrationExhausted, "no count left"},
		{"the token was refused for another, later", Account{Last: refused}, RegistrationToken{Refused: fault.RegistrationExpired, RefusedText: "too late"}, true, fault.RegistrationExpired, "too late"},
		{"another came since", Account{Last: refused}, RegistrationToken{ReceivedAt: refused.At.Add(time.Second)}, true, fault.NotRegistered, "is stored"},
		{"unused", Account{Last: Entry{Kind: Unused, Code: fault.Throttled, Words: "pause"}}, RegistrationToken{}, false, fault.Throttled, "pause"},
		{"found used", Account{Last: spent, ManualOnly: true}, RegistrationToken{}, true, fault.NotRegistered, "regent instances redeem cad/1"},
		{"its record is gone", Account{CurrentIntent: "regent-1", Last: Entry{Kind: Confirmed}}, RegistrationToken{}, true, fault.StoreUnreadable, "regent-1"},
		{"forgotten", Account{ManualOnly: true, Last: Entry{Kind: Forgotten, Instance: "cad/1"}}, RegistrationToken{}, false, fault.NotRegistered, "regent instances redeem cad/1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, text := unredeemedReason(tt.account, tt.held, tt.has)
			if code != tt.want || !strings.Contains(text, tt.text) || (text == "") != (tt.text == "") {
				t.Errorf("got %s, %q, want %s, %q", code, text, tt.want, tt.text)
			}
		})
	}
}

// TestObstacleText: where a person would redeem again, what is in the way is said.
func TestObstacleText(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	const policy, none, left = "Regent redeemed it by policy on 2026-11-28. The next time is possible on 2026-12-28 (once in 30 days)", "There is no registration token", "has no count left"
	for _, tt := range []struct {
		name    string
		s       decisionInput
		refused fault.Kind
		has     bool
		want    []string
	}{
		{"nothing", decisionInput{state: token.RefreshExpired}, "", true, nil},
		{"policy has done it", decisionInput{state: token.RefreshExpired, redeemOnExpiry: true, sincePolicyRedeem: 24 * time.Hour}, "", true, []string{policy}},
		{"policy may do it", decisionInput{state: token.RefreshExpired, redeemOnExpiry: true, sincePolicyRedeem: policyInterval}, "", true, nil},
		{"policy has done it, no count is left", decisionInput{state: token.RefreshExpired, redeemOnExpiry: true, sincePolicyRedeem: 24 * time.Hour}, fault.RegistrationExhausted, true, []string{policy, left}},
		{"lost, no count is left", decisionInput{state: token.RefreshLost, redeemOnExpiry: true, sincePolicyRedeem: 24 * time.Hour}, fault.RegistrationExhausted, true, []string{left}},
		{"revoked, refused", decisionInput{state: token.Revoked}, fault.RegistrationExpired, true, []string{"The service refused the registration token"}},
		{"revoked, none is held", decisionInput{state: token.Revoked}, "", false, []string{none}},
	} {
		got := tt.s.obstacleText(RegistrationToken{Refused: tt.refused}, tt.has, now)
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
