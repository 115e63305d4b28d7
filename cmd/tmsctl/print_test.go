package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"regent/agent/tms/admin"
	"regent/agent/tms/admin/usage"
	"regent/agent/tms/emulator"
	"regent/agent/token"
)

// TestListsFitTheTerminal: no line is wider than the terminal, and nothing is
// left out; a pipe gets a line for each row.
func TestListsFitTheTerminal(t *testing.T) {
	head := []string{"ID", "IDENTIFIER", "STATUS", "CUSTOMER", "CREATED"}
	rows := [][]string{head, {"1", strings.Repeat("ä", 60), "used up", "", "2026-11-23 08:00"}, {"2", "b", "expired", "Example GmbH", ""}}
	tests := []struct {
		width int
		want  []string // columns of the table
		below string   // of the first row
	}{
		{0, head, ""},
		{200, head, ""},
		{80, head[:3], "    created 2026-11-23 08:00\n"},
		{70, head[:2], "    status used up, created 2026-11-23 08:00\n"},
		{20, head[:1], "    status used up, created\n    2026-11-23 08:00\n"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.width), func(t *testing.T) {
			var out, stderr bytes.Buffer
			w := typed(&out, &stderr, "", token.Secret{})
			w.width = tt.width
			out.WriteString((&tool{runtimeEnv: w}).table(rows))
			first, _, _ := strings.Cut(out.String(), "\n")
			if got := strings.Fields(first); strings.Join(got, " ") != strings.Join(tt.want, " ") {
				t.Errorf("got the columns %v, want %v", got, tt.want)
			}
			if !strings.Contains(out.String(), tt.below) || (tt.below == "") != (strings.Count(out.String(), "\n") == 3) || stderr.Len() > 0 {
				t.Errorf("got\n%s\nwant below the first row\n%s", &out, tt.below)
			}
			if widest := longestLine(out.String()); tt.width >= 70 && widest > tt.width {
				t.Errorf("a line is %d characters wide, want at most %d", widest, tt.width)
			}
		})
	}
}

func longestLine(s string) int {
	most := 0
	for line := range strings.Lines(s) {
		most = max(most, utf8.RuneCountInString(strings.TrimRight(line, " \n")))
	}
	return most
}

// TestFindingsOnATerminal: the reason stands below its finding, in no column.
func TestFindingsOnATerminal(t *testing.T) {
	var out, stderr bytes.Buffer
	w := typed(&out, &stderr, "", token.Secret{})
	w.width = 80
	rows := []usage.Row{
		{AuthToken: admin.AuthToken{ID: strings.Repeat("A", 26), FQDN: "ws-017.example.com", RefID1: "cad/1"}, Kind: usage.UnexpectedHost, Why: "no such host in the inventory"},
		{AuthToken: admin.AuthToken{FQDN: "ws-018.example.com"}, Kind: usage.Orphan, Why: "its device\x1b[2J is retired"},
	}
	if err := (&tool{runtimeEnv: w}).printReport(admin.RegistrationToken{UsedKnown: true}, usage.Report{}, rows, investigated{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"why no such host in the inventory\n", "why its device?[2J is retired\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got:\n%s\nwant %q", &out, want)
		}
	}
	if widest := longestLine(out.String()); widest > 80 {
		t.Errorf("a line is %d characters wide, want at most 80", widest)
	}
}

// TestInvalidRowIsListed: the service lists a registration token that cannot
// be read; the others are shown, and the bad one is marked.
func TestInvalidRowIsListed(t *testing.T) { eachDialect(t, testInvalidRowIsListed) }

func testInvalidRowIsListed(t *testing.T, d emulator.Dialect) {
	const bad = `{"id":"2","identifier":"bad","count":99999999999999,"expirationDate":"2099-12-31","status":"ENABLED"}`
	const list = `{"totalCount":3,"registrationTokens":[
		{"id":"1","identifier":"good","count":5,"usedCount":1,"expirationDate":"2099-12-31","status":"ENABLED"},
		` + bad + `,
		{"identifier":"nameless","count":5,"status":"ENABLED"}]}`
	e, url := newService(t, emulator.Knobs{Dialect: d}, func(e *emulator.Emulator) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := list
			switch {
			case !strings.HasSuffix(r.URL.Path, "/registrationTokens"):
				e.ServeHTTP(w, r)
				return
			case r.URL.Query().Get("identifier") == "bad":
				answer = "[" + bad + "]"
			}
			_, _ = w.Write([]byte(answer)) // the client says so if it comes short
		})
	})
	code, out, stderr := runTyped(t, e, url, "", "registration-token", "list")
	for _, want := range []string{"good        1/5   usable", "bad         ?     unreadable", "nameless    ?     unreadable"} {
		if !strings.Contains(out, want) {
			t.Errorf("printed %q, want %q in it", out, want)
		}
	}
	if want := "2 bad cannot be read whole: count is no whole number, or out of bounds"; code != 0 || !strings.Contains(stderr, want) {
		t.Errorf("exit %d, said %q, want %q", code, stderr, want)
	}
	// Nothing is calculated with what cannot be read.
	code, _, stderr = runTyped(t, e, url, "", "plan", "--registration-token", "bad")
	if want := "cannot be read whole"; code != 1 || !strings.Contains(stderr, want) {
		t.Errorf("plan: exit %d, said %q, want 1 and %q", code, stderr, want)
	}
}

// TestLongDuration: days, weeks and years are units of --session-max.
func TestLongDuration(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"40d": 40 * day, "6w": 42 * day, "1y": 365 * day, "1y2w3d4h": 382*day + 4*time.Hour, "10h": 10 * time.Hour, "90m": 90 * time.Minute, "1 d 12 h": 36 * time.Hour, "40D": 40 * day, "1h30m": 90 * time.Minute,
		"40 days": 0, "forty": 0, "": 0, "1.5d": 0, "d": 0, "999999y": 0, "10": 0,
	} {
		var got longDuration
		err := got.Set(text)
		if time.Duration(got) != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %v, %v; want %v", text, time.Duration(got), err, want)
		}
	}
}
