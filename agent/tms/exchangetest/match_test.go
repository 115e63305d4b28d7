package exchangetest

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// TestDifferences: a referee that sees nothing is worse than none.
func TestDifferences(t *testing.T) {
	x := Load(t, "../testdata/exchanges", "redeem")
	good := x.Body
	header := map[string]string{
		"Authorization": "Basic T", "Content-Type": "application/json", "Accept": "application/json",
	}
	tests := []struct {
		name, target, body, header, value, want string
	}{
		{"the same", x.Target.Path, good, "", "", ""},
		{"other order", x.Target.Path, reordered(good), "", "", ""},
		{"path", "/elsewhere", good, "", "", "path"},
		{"query", x.Target.Path + "?a=b", good, "", "", "query"},
		{"no token", x.Target.Path, good, "Authorization", "", "Authorization"},
		{"another scheme", x.Target.Path, good, "Authorization", "Bearer T", "Authorization"},
		{"repeatable", x.Target.Path, good, "Idempotency-Key", "1", "Idempotency-Key"},
		{"a member less", x.Target.Path, strings.Replace(good, `"refId1":"cad/1",`, "", 1), "", "", "body"},
		{"a member more", x.Target.Path, strings.Replace(good, `:{`, `:{"more":1,`, 1), "", "", "body"},
		{"another value", x.Target.Path, strings.Replace(good, "cad/1", "cad/2", 1), "", "", "body"},
		{"no body", x.Target.Path, "", "", "", "body"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", tt.target, nil)
			for name, value := range header {
				r.Header.Set(name, value)
			}
			if tt.header != "" {
				r.Header.Set(tt.header, tt.value)
			}
			got := x.differences(r, tt.body, Values{})
			if (len(got) == 0) != (tt.want == "") || len(got) > 0 && !strings.Contains(got[0], ": "+tt.want) {
				t.Errorf("got %q, want one of %q", got, tt.want)
			}
		})
	}
}

// reordered puts the first member of a wrapped object last.
func reordered(body string) string {
	wrapper, members, _ := strings.Cut(strings.TrimSuffix(body, "}}"), ":{")
	first, rest, _ := strings.Cut(members, ",")
	return wrapper + ":{" + rest + "," + first + "}}"
}

func TestPlaceholders(t *testing.T) {
	v := Values{"host": "h:1"}
	tests := []struct {
		pattern, got string
		want         bool
	}{
		{"https://{{host}}/auth/", "https://h:1/auth/", true},
		{"https://{{host}}/auth/", "https://h:2/auth/", false},
		{"{{id}}", "", false},
		{"a{{id}}c", "abc", true},
		{"{{id}}", "x", false}, // it was b before
		{"a.c", "abc", false},
	}
	for _, tt := range tests {
		if got := v.match(tt.pattern, tt.got); got != tt.want {
			t.Errorf("%s against %s: %t, want %t", tt.pattern, tt.got, got, tt.want)
		}
	}
	if got, want := v.Fill("{{id}} {{new}} {{new}}"), "b some-new some-new"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
