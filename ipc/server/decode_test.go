package server

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/ipc/api"
)

func TestEveryKindHasAStatus(t *testing.T) {
	for _, k := range fault.Kinds() {
		if httpStatusOf[k] < 400 {
			t.Errorf("%s has HTTP status %d", k, httpStatusOf[k])
		}
	}
	if got, want := len(httpStatusOf), len(fault.Kinds()); got != want {
		t.Errorf("%d kinds have a status, want %d", got, want)
	}
}

// A field that is added to the ledger must not be lost on the wire.
func TestLedgerEntryHasEveryField(t *testing.T) {
	var e redeem.Entry
	in := reflect.ValueOf(&e).Elem()
	for _, f := range in.Fields() {
		switch f.Kind() {
		case reflect.String:
			f.SetString("x")
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Int:
			f.SetInt(1)
		case reflect.Uint64:
			f.SetUint(1)
		}
	}
	e.At = e.At.AddDate(1, 0, 0)
	want, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(ledgerEntry(e))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("on the wire:   %s\nin the ledger: %s", got, want)
	}
}

// A mistake is told in the caller's words, not in Go's.
func TestDecodeErrors(t *testing.T) {
	for in, want := range map[string]string{
		``:                      "it is empty",
		`null`:                  "it is no object in { }",
		`[]`:                    "it is no object in { }",
		`{"application":7}`:     "application is a JSON number, want text in quotes",
		`{"wait":"5"}`:          "wait is a JSON string, want a whole number",
		`{"wait":1.5}`:          "wait is a JSON number, want a whole number",
		`{"Application":"cad"}`: `unknown field "Application"`,
		`{"":"cad"}`:            `unknown field ""`,
		`{"application":"cad","application":"cam"}`: "application is there twice",
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

// The quick way knows less than the other one, and what it knows is the same.
func FuzzFastTokenRequest(f *testing.F) {
	f.Add([]byte(`{"application":"cad","instance":"1","min_ttl":60,"wait":5}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := decodeTokenRequestFast(b)
		if !ok {
			return
		}
		var want api.TokenRequest
		if err := decodeStrict(b, &want); err != nil || got != want {
			t.Errorf("quick read %+v, decode %+v, %v", got, want, err)
		}
	})
}

func TestDecodeTokenRequestFast(t *testing.T) {
	want := api.TokenRequest{Application: "cad", Instance: "1", MinTTL: 60, Wait: 5}
	for _, in := range []string{
		`{"application":"cad","instance":"1","min_ttl":60,"wait":5}`,
		"{\n  \"application\": \"cad\",\n  \"instance\": \"1\", \"min_ttl\": 60, \"wait\": 5\n}\n",
		`{"wait":5,"min_ttl":60,"instance":"1","application":"cad"}`,
	} {
		if got, ok := decodeTokenRequestFast([]byte(in)); !ok || got != want {
			t.Errorf("quick(%s) = %+v, %t", in, got, ok)
		}
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
	if diff := cmp.Diff(got, httpStatusOf); diff != "" {
		t.Errorf("the page's table (-) is not the code's (+):\n%s", diff)
	}
}
