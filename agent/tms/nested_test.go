package tms

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// nested are replies that carry the tokens elsewhere than in the two known places.
var nested = []string{
	`{"authToken":{"id":"x"},"access_token":"a","refresh_token":"r"}`,
	`{"authToken":{"id":"x","token":{"access_token":"a","refresh_token":"r"}}}`,
	`{"authToken":[{"id":"x","access_token":"a","refresh_token":"r"}]}`,
	`{"authTokens":{"count":1,"authToken":[{"id":"x","access_token":"a","refresh_token":"r"}]}}`,
	`{"data":{"authToken":{"id":"x","access_token":"a","refresh_token":"r"}}}`,
	"\ufeff" + `{"authToken":{"id":"x","access_token":"a","refresh_token":"r"}}`,
}

// TestTokensElsewhere: what a reply plainly carries is kept, in whatever form the
// client is set to. Two candidates are none.
func TestTokensElsewhere(t *testing.T) {
	for _, body := range nested {
		for _, where := range []string{AnyForm, Wrapped, Bare} {
			got, err := authTokenOf([]byte(body), date, Forms{Reply: where})
			if err != nil || reveal(got.Access) != "a" || reveal(got.Refresh) != "r" || got.ID != "x" {
				t.Errorf("reply %s, %s: got %+v, %v", where, body, got, err)
			}
		}
	}
	for _, body := range []string{`[{"access_token":"a"},{"access_token":"b"}]`, `{"authToken":[{"token":"a"},{"token":"b"}]}`, `{"a":{"token":{}}}`} {
		if got, err := authTokenOf([]byte(body), date, Forms{}); err == nil {
			t.Errorf("%s: got %+v", body, got)
		}
	}
}

// TestTokensAtAnyDepth: beside unknown members, and in any objects and lists, the one
// object with the tokens is found.
func TestTokensAtAnyDepth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(AccessNames()).Draw(t, "name")
		var body any = map[string]any{"id": "x", name: "a", "refresh_token": "r", "expires_in": 300}
		for range rapid.IntRange(0, 8).Draw(t, "depth") {
			if rapid.Bool().Draw(t, "list") {
				body = []any{"other", body}
				continue
			}
			member := rapid.SampledFrom([]string{"authToken", "authTokens", "data", "result", "token"}).Draw(t, "member")
			body = map[string]any{member: body, "count": 1, "other": map[string]any{"tokenType": "bearer"}}
		}
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := authTokenOf(text, date, Forms{})
		if err != nil || reveal(got.Access) != "a" || reveal(got.Refresh) != "r" || got.ID != "x" || got.TTL != 300e9 {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	})
}
