package main

import (
	"strings"
	"testing"

	"regent/agent/status"
)

// snapshot is a status with the instances of the story.
func snapshot(change func(first, second *status.Instance)) status.Status {
	all := []status.Instance{
		{Name: "cad/1", State: "live", Generation: 1, AuthTokenID: "a"},
		{Name: "cad/2", State: "live", Generation: 1, AuthTokenID: "b"},
	}
	if change != nil {
		change(&all[0], &all[1])
	}
	return status.Status{Applications: []status.Application{{ID: "cad", Instances: all}}}
}

func waiting(change func(*status.Status)) status.Status {
	st := snapshot(func(a, b *status.Instance) { a.State, b.State = "unredeemed", "unredeemed" })
	st.Health, st.Store.Guard = status.Waiting, "file"
	if change != nil {
		change(&st)
	}
	return st
}

// TestChecks shows of each check that it holds for what should be, and that it
// notices what should not.
func TestChecks(t *testing.T) {
	first := answer{Instance: "cad/1", Fingerprint: "aa", Generation: 1}
	second := answer{Instance: "cad/2", Fingerprint: "bb", Generation: 1}
	used := []registration{{Identifier: "r", Count: 3, Used: 2, Status: "usable"}}
	shown := func(change func(*attribution)) []attribution {
		list := []attribution{{"host", "alice", "r", "cad/2"}, {"host", "alice", "r", "cad/1"}}
		change(&list[0])
		return list
	}
	tests := []struct {
		name string
		err  error
		want string // "" is no error
	}{
		{"waits", checkWaiting(waiting(nil)), ""},
		{"waits, but serves", checkWaiting(waiting(func(s *status.Status) { s.Health = status.Serving })), "serving, want waiting"},
		{"waits, guarded by more", checkWaiting(waiting(func(s *status.Status) { s.Store.Guard = "tpm2" })), "want file"},
		{"waits, redeemed", checkWaiting(waiting(func(s *status.Status) { s.Applications[0].Instances[1].State = "live" })), "cad/2 is live"},

		{"registered", checkRegistered(snapshot(nil)), ""},
		{"registered, one twice", checkRegistered(snapshot(func(_, b *status.Instance) { b.AuthTokenID = "a" })), "want two"},
		{"registered, without ids", checkRegistered(snapshot(func(a, _ *status.Instance) { a.AuthTokenID = "" })), "want two"},
		{"registered, one refused", checkRegistered(snapshot(func(_, b *status.Instance) {
			b.State, b.LastFault = "unredeemed", &status.Fault{Code: "registration_expired", Detail: "too late"}
		})), "(registration_expired: too late)"},
		{"registered, one instance", checkRegistered(status.Status{}), "instances []"},

		{"free, one not", checkFree(snapshot(func(a, _ *status.Instance) { a.Leased = true })), "cad/1 is still leased"},

		{"grown", checkRefreshed(snapshot(nil), snapshot(func(a, b *status.Instance) { a.Generation, b.Generation = 2, 3 })), ""},
		{"grown, one not", checkRefreshed(snapshot(nil), snapshot(func(a, _ *status.Instance) { a.Generation = 2 })), "cad/2 is still at generation 1"},

		{"different", checkDistinct(second, first), ""},
		{"different, one instance", checkDistinct(first, answer{Instance: "cad/1", Fingerprint: "bb"}), "[cad/1 cad/1]"},
		{"different, one token", checkDistinct(first, answer{Instance: "cad/2", Fingerprint: "aa"}), "want two"},

		{"refused", checkRefused(answer{Problem: "token: no_free_instance: all are leased"}), ""},
		{"refused otherwise", checkRefused(answer{Problem: "denied"}), "want no_free_instance"},
		{"not refused", checkRefused(first), "instance cad/1"},

		{"renewed", checkRenewed(first, answer{Instance: "cad/1", Fingerprint: "cc", Generation: 2}), ""},
		{"renewed, another", checkRenewed(first, answer{Instance: "cad/2", Fingerprint: "cc", Generation: 2}), "now has cad/2"},
		{"renewed, the same", checkRenewed(first, answer{Instance: "cad/1", Fingerprint: "aa", Generation: 2}), "still has"},
		{"renewed, uncounted", checkRenewed(first, answer{Instance: "cad/1", Fingerprint: "cc", Generation: 1}), "still has"},

		{"unchanged", checkUnchanged([2]answer{first, second}, [2]answer{second, first}), ""},
		{"changed", checkUnchanged([2]answer{first, second}, [2]answer{first, {Instance: "cad/2", Fingerprint: "cc"}}), "cad/2 cc"},

		{"counted", checkCounts(used, 2), ""},
		{"counted, otherwise", checkCounts(used, 0), "2 of 3 counts used, want usable with 0"},
		{"counted, several", checkCounts(append(used, used...), 2), "2 registration tokens"},
		{"counted, used up", checkCounts([]registration{{Count: 3, Used: 2, Status: "used up"}}, 2), "used up with"},

		{"attributed", checkAttribution(shown(func(*attribution) {}), "r"), ""},
		{"attributed to no host", checkAttribution(shown(func(a *attribution) { a.FQDN = "" }), "r"), "without its host"},
		{"attributed to nobody", checkAttribution(shown(func(a *attribution) { a.User = "" }), "r"), "its user"},
		{"attributed to another token", checkAttribution(shown(func(a *attribution) { a.Registration = "s" }), "r"), `token "s"`},
		{"attributed to one instance", checkAttribution(shown(func(a *attribution) { a.Instance = "cad/1" }), "r"), "[cad/1 cad/1]"},
		{"attributed to none", checkAttribution(nil, "r"), "those of []"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == "" && tt.err != nil {
				t.Errorf("got %v, want no error", tt.err)
			}
			if tt.want != "" && (tt.err == nil || !strings.Contains(tt.err.Error(), tt.want)) {
				t.Errorf("got %v, want an error with %q", tt.err, tt.want)
			}
		})
	}
}
