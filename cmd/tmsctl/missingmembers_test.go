package main

import (
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"regent/agent/tms/emulator"
)

// withoutMembers is a body without the members of this name.
func withoutMembers(body []byte, member string) []byte {
	absent := regexp.MustCompile(`"` + member + `":\s*("[^"]*"|[0-9]+|\{[^}]*\})\s*,?`)
	return regexp.MustCompile(`,\s*\}`).ReplaceAll(absent.ReplaceAll(body, nil), []byte("}"))
}

// serviceWithout is a service that does not send a member of this name.
func serviceWithout(t *testing.T, member string) (command func(args ...string) (int, string, string), id string) {
	t.Helper()
	return changedReplies(t, func(body []byte) []byte { return withoutMembers(body, member) })
}

// changedService is a service whose replies to reading calls are changed, at url.
func changedService(t *testing.T, change func([]byte) []byte) (e *emulator.Emulator, url string) {
	t.Helper()
	return newService(t, emulator.Knobs{}, func(e *emulator.Emulator) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := httptest.NewRecorder()
			e.ServeHTTP(answer, r)
			body := answer.Body.Bytes()
			if r.Method == http.MethodGet {
				body = change(body)
			}
			answer.Header().Del("Content-Length")
			maps.Copy(w.Header(), answer.Header())
			w.WriteHeader(answer.Code)
			_, _ = w.Write(body) // the client says so if it comes short
		})
	})
}

// changedReplies is a service whose replies to reading calls are changed. It has one
// registration token, fleet, of count 3.
func changedReplies(t *testing.T, change func([]byte) []byte) (command func(args ...string) (int, string, string), id string) {
	t.Helper()
	e, url := changedService(t, change)
	command = func(args ...string) (int, string, string) { return runTyped(t, e, url, "", args...) }
	if code, _, said := command("registration-token", "create", "--identifier", "fleet", "--count", "3"); code != 0 {
		t.Fatalf("create: exit %d, %s", code, said)
	}
	made := e.State().RegistrationTokens[0]
	return command, made.ID
}

// TestUsedCountMissing: what the service does not tell of a registration token is not
// told as a fact.
func TestUsedCountMissing(t *testing.T) {
	command, id := serviceWithout(t, "usedCount")
	for _, tt := range []struct {
		args  []string
		wants []string
		never []string
	}{
		{[]string{"registration-token", "list"}, []string{"-/3", "unknown"}, []string{"0/3", " usable", "used up"}},
		{[]string{"registration-token", "list", "--json"}, []string{`"status": "unknown"`}, []string{"used_count"}},
		{[]string{"registration-token", "show", id}, []string{"-/3 (used: the service does not show it)", "unknown"}, []string{"0/3", " usable"}},
		{[]string{"registration-token", "raise-count", id, "--to", "4"}, []string{"-/4", "count 3 to 4"}, []string{"0/4"}},
		{[]string{"registration-token", "list", "--status", "usable"}, []string{"no registration tokens"}, nil},
		{[]string{"plan", "--registration-token", "fleet"}, []string{"at least 0 of 4 counts used", "not known whether a device can redeem it", "at most 4"}, []string{"no device can redeem it", " 0 of 4"}},
		{[]string{"plan", "--registration-token", "fleet", "--json"}, []string{`"left_at_most": true`}, nil},
		{[]string{"investigate", "fleet"}, []string{"-/4", "0 auth tokens exist; how many were deleted is not known"}, []string{"0/4", "0 were deleted"}},
		{[]string{"contract"}, []string{"used counts +A +not told"}, nil},
		{[]string{"registration-token", "disable", "--yes", id}, []string{"auth tokens that were made from it may end"}, nil},
	} {
		code, out, said := command(tt.args...)
		all := out + said
		if code != 0 {
			t.Errorf("%v: exit %d, %s", tt.args, code, said)
		}
		for _, want := range tt.wants {
			if !strings.Contains(all, want) && !regexp.MustCompile(want).MatchString(all) {
				t.Errorf("%v: want %q in\n%s", tt.args, want, all)
			}
		}
		for _, never := range tt.never {
			if strings.Contains(strings.ReplaceAll(all, "at least 0 of 4", ""), never) {
				t.Errorf("%v: %q is told as a fact in\n%s", tt.args, never, all)
			}
		}
	}
}

// TestStateAndExpiryMissing: a registration token is usable only where the
// service says so.
func TestStateAndExpiryMissing(t *testing.T) {
	for _, member := range []string{"state", "expirationDate"} {
		command, id := serviceWithout(t, member)
		if _, out, _ := command("registration-token", "show", id); !regexp.MustCompile(`status +unknown`).MatchString(out) {
			t.Errorf("without %s:\n%s", member, out)
		}
	}
}

// TestNoLastDay: what never expires is not given a last day by extend.
func TestNoLastDay(t *testing.T) {
	command, id := changedReplies(t, func(body []byte) []byte {
		return bytes.ReplaceAll(body, []byte(`"neverExpires":false`), []byte(`"neverExpires":true`))
	})
	if _, out, _ := command("registration-token", "show", id); !regexp.MustCompile(`status +usable\nexpires +never`).MatchString(out) {
		t.Errorf("show:\n%s", out)
	}
	if code, _, said := command("registration-token", "extend", id); code != 2 || !strings.Contains(said, "it never expires") {
		t.Errorf("extend: exit %d, %s", code, said)
	}
}

// TestExpirationDateMissing: a change of it cannot be seen, and no date is invented.
func TestExpirationDateMissing(t *testing.T) {
	command, id := serviceWithout(t, "expirationDate")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"registration-token", "extend", id, "--expires", "20d", "--dry-run"}, "last day not shown to 20"},
		{[]string{"registration-token", "extend", id, "--expires", "20d"}, "does not show the last day"},
		{[]string{"registration-token", "raise-count", id, "--to", "5"}, "count 3 to 5"},
	} {
		_, out, said := command(tt.args...)
		if all := out + said; !strings.Contains(all, tt.want) || strings.Contains(all, "0001-01-01") || strings.Contains(all, "nothing was changed") {
			t.Errorf("%v: want %q in\n%s", tt.args, tt.want, all)
		}
	}
}

// TestChangeResultMissing: a change that the service accepts, and does not show, is told
// as such. Nothing says that the service ignored it, or that it is another form's turn.
func TestChangeResultMissing(t *testing.T) {
	replace := func(from, to string) func([]byte) []byte {
		return func(body []byte) []byte { return bytes.ReplaceAll(body, []byte(from), []byte(to)) }
	}
	silent := func(member string) func([]byte) []byte {
		return func(body []byte) []byte { return withoutMembers(body, member) }
	}
	const pages, device = "open the service's own pages", "redeem on one device"
	for _, tt := range []struct {
		name   string
		change func([]byte) []byte
		args   []string
		wants  []string
	}{
		{"disable", silent("state"), []string{"disable", "--yes"}, []string{"does not show whether the registration token is enabled", pages, device}},
		{"enable", silent("state"), []string{"enable"}, []string{"does not show whether the registration token is enabled", pages, device}},
		{"a word", replace(`"DISABLE"`, `"INACTIVE"`), []string{"disable", "--yes"}, []string{`it shows the state "INACTIVE", which tmsctl does not know`, pages, device}},
		{"extend", silent("expirationDate"), []string{"extend", "--expires", "20d"}, []string{"does not show the last day", pages}},
		{"a date", replace(`"endDate":"`, `"endDate":"day `), []string{"extend", "--expires", "20d"}, []string{"does not show the last day", pages}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			command, id := changedReplies(t, tt.change)
			code, out, said := command(append([]string{"registration-token", tt.args[0], id}, tt.args[1:]...)...)
			if code != exitNotAsAsked {
				t.Errorf("exit %d, want %d", code, exitNotAsAsked)
			}
			for _, want := range tt.wants {
				if !strings.Contains(said, want) {
					t.Errorf("want %q in\n%s%s", want, out, said)
				}
			}
			for _, never := range []string{"--request", "may add the number", "somebody else"} {
				if strings.Contains(said, never) {
					t.Errorf("%q is said without a reason:\n%s", never, said)
				}
			}
		})
	}
}

// TestTrialWithoutState: whether disabling ends auth tokens is then not known, and
// the trial goes on.
func TestTrialWithoutState(t *testing.T) {
	e := newInterceptor(t, emulator.Knobs{}, func(w http.ResponseWriter, r *http.Request, e *emulator.Emulator) {
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, r)
		w.WriteHeader(answer.Code)
		_, _ = w.Write(withoutMembers(answer.Body.Bytes(), "state")) // the client says so if it comes short
	})
	code, out, said := e.try(t.Context(), t)
	if code != 0 {
		t.Errorf("exit %d\n%s", code, said)
	}
	for _, want := range []string{`disable ends auth tokens +A +not known: the service does not show the state`, `enable and disable +F +not known: PATCH in the form wrapped`, `delete ends auth tokens +A +no:`} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
}

// TestTrialWithoutUsedCount: whether a count comes back is then not known.
func TestTrialWithoutUsedCount(t *testing.T) {
	e := newInterceptor(t, emulator.Knobs{}, func(w http.ResponseWriter, r *http.Request, e *emulator.Emulator) {
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, r)
		w.WriteHeader(answer.Code)
		_, _ = w.Write(withoutMembers(answer.Body.Bytes(), "usedCount")) // the client says so if it comes short
	})
	code, out, said := e.try(t.Context(), t)
	if code != 0 {
		t.Errorf("exit %d\n%s", code, said)
	}
	if !regexp.MustCompile(`(?m)^count after a deletion +A +not known: the service does not tell`).MatchString(out) {
		t.Errorf("the row says something else:\n%s", out)
	}
	for _, never := range []string{"0 of 3 counts are used", "does not come back"} {
		if strings.Contains(out, never) {
			t.Errorf("%q is told as a fact:\n%s", never, out)
		}
	}
}

// TestOddMembersShown: a number where a text is usual, a text where a word is, and a date
// without a time are shown as what they are.
func TestOddMembersShown(t *testing.T) {
	command, _ := changedReplies(t, func(body []byte) []byte {
		body = regexp.MustCompile(`"creationDate":"([0-9-]+)[^"]*"`).ReplaceAll(body, []byte(`"creationDate":"$1"`))
		return regexp.MustCompile(`"expirationDate":("[^"]*"|\{[^}]*\})`).ReplaceAll(body, []byte(`"refId1":5,"expirationDate":{"neverExpires":"true","endDate":"2026-01-01"}`))
	})
	for args, want := range map[string]string{
		"list":        `never +- +5 +- +\d{4}-\d\d-\d\d( |\n)`,
		"list --json": `"ref_id_1": "5"[^}]*"creation_date": "\d{4}-\d\d-\d\d"`,
	} {
		_, out, _ := command(append([]string{"registration-token"}, strings.Fields(args)...)...)
		if !regexp.MustCompile(want).MatchString(out) || strings.Contains(out, "00:00") {
			t.Errorf("%s: want %s, printed\n%s", args, want, out)
		}
	}
}
