package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/fault"
	"regent/ipc/api"
)

func TestEveryKindHasAStatus(t *testing.T) {
	for _, k := range fault.Kinds() {
		if (httpStatusOf(k) == http.StatusInternalServerError) != (k == fault.Internal) {
			t.Errorf("%s has HTTP status %d", k, httpStatusOf(k))
		}
	}
}

// A mistake is told in the caller's words, not in Go's.
func TestDecodeErrors(t *testing.T) {
	for in, want := range map[string]string{
		``:                      "it is empty",
		`null`:                  "it is not an object in { }",
		`[]`:                    "it is not an object in { }",
		`{"application":7}`:     "application is a JSON number, but must be text in quotes",
		`{"wait":"5"}`:          "wait is a JSON string, but must be a whole number",
		`{"wait":1.5}`:          "wait is a JSON number, but must be a whole number",
		`{"Application":"cad"}`: `unknown field "Application"`,
		`{"":"cad"}`:            `unknown field ""`,
		`{"application":"cad","application":"cam"}`: "application is duplicate",
		`{"application":"cad"} {}`:                  "invalid character '{' after top-level value",
		`{"application":"cad"`:                      "unexpected end of JSON input",
		`{"application":}`:                          "invalid character '}' looking for beginning of value",
	} {
		var q api.TokenRequest
		if err := decodeStrict([]byte(in), &q); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", in, err, want)
		}
	}
}

// A body that comes again is not decoded again, an invalid one is not remembered, and
// no caller makes the cache grow without end.
func TestRequestCache(t *testing.T) {
	c := requestCache{byBody: map[string]api.TokenRequest{}}
	want := api.TokenRequest{Application: "cad", Instance: "1", MinTTL: 60, Wait: 5}
	const body = `{"application":"cad","instance":"1","min_ttl":60,"wait":5}`
	for range 2 {
		if got, err := c.decode([]byte(body)); err != nil || got != want {
			t.Errorf("decode(%s) = %+v, %v", body, got, err)
		}
		if _, err := c.decode([]byte(`{"application":7}`)); fault.KindOf(err) != fault.InvalidRequest {
			t.Errorf("an invalid body: %v", err)
		}
	}
	known := []byte(body)
	if n := testing.AllocsPerRun(100, func() { _, _ = c.decode(known) }); n > 0 {
		t.Errorf("a body that is known costs %v allocations", n)
	}
	if len(c.byBody) != 1 {
		t.Errorf("%d bodies are remembered, want 1", len(c.byBody))
	}
	for i := range 3 * maxCachedRequests {
		if _, err := c.decode(fmt.Appendf(nil, `{"application":"cad","wait":%d}`, i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.decode([]byte(strings.Repeat(" ", maxCachedBody) + body)); err != nil {
		t.Fatal(err)
	}
	for known := range c.byBody {
		if len(known) > maxCachedBody {
			t.Errorf("a body of %d bytes is remembered", len(known))
		}
	}
	if len(c.byBody) > maxCachedRequests {
		t.Errorf("%d bodies are remembered", len(c.byBody))
	}
}

// What is accepted is whole, within bounds, and means the same when it is
// written again.
func FuzzTokenRequest(f *testing.F) {
	f.Add([]byte(`{"application":"cad","instance":"1","min_ttl":60,"wait":5}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var q api.TokenRequest
		if decodeStrict(b, &q) != nil {
			return
		}
		var loose any
		if err := json.Unmarshal(b, &loose); err != nil {
			t.Fatalf("decode accepts what is no JSON: %v", err)
		}
		again, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		var q2 api.TokenRequest
		if err := decodeStrict(again, &q2); err != nil || q2 != q {
			t.Errorf("%+v became %+v, %v", q, q2, err)
		}
		r, err := tokenRequest(q)
		if err != nil {
			if fault.KindOf(err) != fault.InvalidRequest {
				t.Errorf("%+v: %v", q, err)
			}
			return
		}
		if r.MinTTL < 0 || r.MinTTL > maxTTL || r.Wait < 0 || r.Wait > maxWait || r.Application == "" {
			t.Errorf("accepted %+v", r)
		}
	})
}

func TestStatusesAreDescribed(t *testing.T) {
	b, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (\\d{3}) \\|").FindAllSubmatch(b, -1)
	got := map[fault.Kind]int{}
	for _, row := range rows {
		if got[fault.Kind(row[1])], err = strconv.Atoi(string(row[2])); err != nil {
			t.Fatal(err)
		}
	}
	want := map[fault.Kind]int{}
	for _, k := range fault.Kinds() {
		want[k] = httpStatusOf(k)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("the page's table (-) is not the code's (+):\n%s", diff)
	}
}
