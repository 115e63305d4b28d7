package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"regent/agent/tms"

	"regent/agent/token"
)

// orderedObject is a JSON object as it is written: in an order, with repeats.
type orderedObject [][2]string

func (m orderedObject) json(t *rapid.T) string {
	shuffled := rapid.Permutation(m).Draw(t, "order")
	texts := make([]string, len(shuffled))
	for i, pair := range shuffled {
		texts[i] = fmt.Sprintf("%q:%s", pair[0], pair[1])
	}
	return "{" + strings.Join(texts, ",") + "}"
}

func oneOf(t *rapid.T, what string, of ...string) string { return rapid.SampledFrom(of).Draw(t, what) }

// unknown are members that no dialect has.
func unknown(t *rapid.T) orderedObject {
	var m orderedObject
	for i := range rapid.IntRange(0, 3).Draw(t, "unknown members") {
		m = append(m, [2]string{fmt.Sprintf("other%d", i), oneOf(t, "value", `null`, `"x"`, `7`, `[]`, `{"id":"another","count":99,"token":"T2"}`, `[{"id":"another"}]`)})
	}
	return m
}

// wrapped writes rows as one of the dialects has a list of them.
func wrapped(t *rapid.T, outer, inner string, rows []string) string {
	array := "[" + strings.Join(rows, ",") + "]"
	n := len(rows)
	count := oneOf(t, "count", strconv.Itoa(n), strconv.Quote(strconv.Itoa(n)))
	nested := orderedObject{{"count", count}, {inner, array}}
	switch {
	case n == 0 && rapid.Bool().Draw(t, "inner array missing"):
		nested = nested[:1]
	case n == 1 && rapid.Bool().Draw(t, "one object"):
		nested[1][1] = rows[0]
	}
	switch oneOf(t, "list", "bare", "first", "family", "deeper") {
	case "bare":
		return array
	case "first":
		m := orderedObject{{outer, array}}
		if rapid.Bool().Draw(t, "total") {
			m = append(m, [2]string{"totalCount", count})
		}
		return append(m, unknown(t)...).json(t)
	case "deeper":
		return orderedObject{{"response", orderedObject{{outer, nested.json(t)}}.json(t)}}.json(t)
	}
	return append(orderedObject{{outer, nested.json(t)}}, unknown(t)...).json(t)
}

// TestDialects: a list of registration tokens and one of auth tokens are read to the
// same values, whatever alternatives of the contract's table they are written in.
func TestDialects(t *testing.T) {
	created := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	registration := RegistrationToken{
		ID: "17", Identifier: "fleet", Token: token.NewSecret("T"), Count: 3, Used: 1, UsedKnown: true, Expires: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC),
		RefID1: "r1", RefID2: "r2", Customer: "ACME", Created: created,
	}
	auth := AuthToken{ID: "18", Identifier: "regent-1", FQDN: "ws", UserName: "regent", MAC: "02:00:00:00:00:01", Registration: "fleet", RefID1: "cad/1", RefID2: "device-1", Created: created}
	rapid.Check(t, func(t *rapid.T) {
		want := registration
		want.State = rapid.SampledFrom([]State{StateEnabled, StateDisabled, StateUnknown}).Draw(t, "state")
		at := oneOf(t, "created", `"2026-11-23T08:00:00Z"`, `"2026-11-23T09:00:00+01:00"`, `"2026-11-23 08:00"`, `"2026-11-23 08:00:00"`, `"2026-11-23T08:00:00"`)
		text := func(s string) string { return strconv.Quote(s) }
		id := func(s string) string { return oneOf(t, "id", text(s), s) }
		object := append(orderedObject{
			{"id", id("17")},
			{"identifier", text("fleet")},
			{"token", text("T")},
			{"refId1", text("r1")},
			{"refId2", text("r2")},
			{"count", oneOf(t, "count", "3", `"3"`, "3.0")},
			{"usedCount", oneOf(t, "used", "1", `"1"`)},
			{"expirationDate", oneOf(t, "expires", `"2026-12-01"`, `"2026-12-01 23:59"`, `"2026-12-01T00:00:00Z"`, `{"neverExpires":false,"endDate":"2026-12-01"}`, `{"endDate":"2026-12-01 10:00"}`)},
			{oneOf(t, "state member", "state", "status"), text(map[State][]string{
				StateEnabled: {"ENABLE", "ENABLED", "enable", "Enabled"}, StateDisabled: {"DISABLE", "DISABLED", "disable", "Disabled"}, StateUnknown: {"PENDING", "-", "ENABLEDISH"},
			}[want.State][rapid.IntRange(0, 2).Draw(t, "word")])},
			{"customer", oneOf(t, "customer", text("ACME"), `{"id":7,"name":"ACME"}`, `{"name":"ACME"}`)},
			{"creationDate", at},
		}, unknown(t)...)
		rows := []string{object.json(t)}
		if rapid.Bool().Draw(t, "none") {
			rows = nil
		}
		l := listing[RegistrationToken]{"list", pathRegistration, listOf("registrationTokens", wrapRegistration), rowOf}
		all, err := readRows(l, []byte(wrapped(t, "registrationTokens", "registrationToken", rows)))
		compare(t, len(rows), all, want, err)

		object = append(orderedObject{
			{"id", id("18")},
			{"identifier", text("regent-1")},
			{"fqdn", text("ws")},
			{"systemUserName", text("regent")},
			{"macAddress", text("02:00:00:00:00:01")},
			{"registrationToken", oneOf(t, "registration token", text("fleet"), `{"id":"17","identifier":"fleet"}`, `{"name":"fleet"}`)},
			{"refId1", text("cad/1")},
			{"refId2", text("device-1")},
			{"creationDate", at},
		}, unknown(t)...)
		if len(rows) == 1 {
			rows[0] = object.json(t)
		}
		m := listing[AuthToken]{"list", pathAuth, listOf("authTokens", wrapAuth), authTokenIn}
		given, err := readRows(m, []byte(wrapped(t, "authTokens", "authToken", rows)))
		compare(t, len(rows), given, auth, err)
	})
}

// readRows reads a page as a list does.
func readRows[T any](l listing[T], body []byte) (all []T, err error) {
	rows, _, err := l.list.Parse(body)
	for _, row := range rows {
		all = append(all, l.read(row))
	}
	return all, err
}

func compare[T any](t *rapid.T, n int, got []T, want T, err error) {
	if err != nil || len(got) != n {
		t.Fatalf("%d rows, %v; want %d", len(got), err, n)
	}
	if n == 0 {
		return
	}
	instant := cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })
	word := cmp.FilterPath(func(p cmp.Path) bool {
		return p.String() == "Status" || p.String() == "StateMember" || p.String() == "Ends"
	}, cmp.Ignore())
	if diff := cmp.Diff(got[0], want, instant, word); diff != "" {
		t.Fatalf("-got +want:\n%s", diff)
	}
}

// TestNeverExpires: F, a registration token may have no last day.
func TestNeverExpires(t *testing.T) {
	for body, want := range map[string]string{
		`{"expirationDate":{"neverExpires":true,"endDate":"2026-12-01"}}`: "0001-01-01",
		`{"expirationDate":{"neverExpires":false}}`:                       "0001-01-01",
		`{"expirationDate":"2026-12-01"}`:                                 "2026-12-01",
	} {
		o, err := tms.ParseReply([]byte(body), "")
		if err != nil {
			t.Fatal(err)
		}
		day, _, never := lastDay(o)
		if got := day.Format(time.DateOnly); got != want || never != strings.Contains(body, "true") {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}

// TestContradiction: two words that do not agree are no state.
func TestContradiction(t *testing.T) {
	for body, want := range map[string]State{
		`{"state":"ENABLE","status":"ENABLED"}`:  StateEnabled,
		`{"state":"ENABLE","status":"DISABLED"}`: StateUnknown,
		`{"state":"ENABLE","status":"?"}`:        StateUnknown,
		`{"state":null}`:                         StateMissing,
		`{}`:                                     StateMissing,
	} {
		o, err := tms.ParseReply([]byte(body), "")
		if err != nil {
			t.Fatal(err)
		}
		if got, _, _ := stateOf(o); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}

// TestTimesWithoutAZone: they are before another time for certain only with the
// width of all zones between them.
func TestTimesWithoutAZone(t *testing.T) {
	at := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for text, want := range map[string]bool{"2026-11-23T07:59:00Z": true, "2026-11-23 07:59": false, "2026-11-22 18:01": false, "2026-11-22 17:59": true} {
		if got := Before(tms.ParseTime(text), at); got != want {
			t.Errorf("%s before %s: %t, want %t", text, at, got, want)
		}
	}
}

// TestPagesOfTheFamily: every page is read of a service that counts per page or in
// all, that holds fewer rows in a page than it is asked for, and that knows one name
// for the start of a page or the other, and refuses or ignores the one that it does
// not know.
func TestPagesOfTheFamily(t *testing.T) {
	for _, name := range []string{"pageStartIndex", "pageStart"} {
		for _, strict := range []bool{true, false} {
			for _, counts := range []string{"in all", "per page", "not"} {
				for _, n := range []int{0, 1, 9, 10, 11, 35, 100, 101} {
					t.Run(fmt.Sprint(name, strict, counts, n), func(t *testing.T) {
						rows, err := read(t, family{name, strict, counts, n})
						if err != nil || len(rows) != n {
							t.Fatalf("%d rows, %v; want %d", len(rows), err, n)
						}
						for i, r := range rows {
							if r.ID != strconv.Itoa(i) {
								t.Fatalf("row %d is %s", i, r.ID)
							}
						}
					})
				}
			}
		}
	}
}

// family serves n rows in pages of at most ten.
type family struct {
	name   string
	strict bool
	counts string
	n      int
}

func (f family) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name := range r.URL.Query() {
		if f.strict && name != f.name && name != "pageSize" {
			http.Error(w, `{"errorCode":"400","errorMessage":"unknown parameter"}`, http.StatusBadRequest)
			return
		}
	}
	start, _ := strconv.Atoi(r.FormValue(f.name))
	rows := []map[string]any{}
	for i := start; i < min(f.n, start+10); i++ {
		rows = append(rows, map[string]any{"id": i})
	}
	inner := map[string]any{"count": f.n}
	if f.counts == "per page" {
		inner["count"] = len(rows)
	}
	if len(rows) > 0 {
		inner["authToken"] = rows
	}
	var answer any = map[string]any{"authTokens": inner}
	if f.counts == "not" {
		answer = rows
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func read(t *testing.T, f family) ([]AuthToken, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /token/api/v5/idpConfigurations", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"tokenEndpoint":"http://%s/auth/","realm":"ems"}`, r.Host)
	})
	mux.HandleFunc("POST /auth/realms/ems/protocol/openid-connect/token", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"access_token":"admin","expires_in":300}`)
	})
	mux.Handle("GET /token/api/v5/authTokens", f)
	s := httptest.NewServer(mux)
	defer s.Close()
	c, err := New(tms.Options{Tenant: s.URL, Proxy: "none", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	session, err := c.Login(context.Background(), Password("admin", token.NewSecret("p")))
	if err != nil {
		t.Fatal(err)
	}
	return session.AuthTokens(t.Context(), AuthFilter{})
}
