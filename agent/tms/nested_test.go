package tms

import (
	"encoding/json"
	"strings"
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
	`{"authToken":{"id":"x","access_token":"a","refresh_token":"r"}}` + "\n<!-- served by x -->",
	`{"authToken":{"id":"x","access_token":"a","refresh_token":"r"}}{"authToken":{"id":"y"}}`,
	`{"status":"ok"}` + "\n" + `{"authToken":{"id":"x","access_token":"a","refresh_token":"r"}}`,
	")]}',\n" + `{"authToken":{"id":"x","access_token":"a","refresh_token":"r"}}`,
	`callback({"authToken":{"id":"x","access_token":"a","refresh_token":"r"}});`,
	`{"AuthToken":{"ID":"x","Access_Token":"a","Refresh_Token":"r"}}`,
	`{"AUTH_TOKEN":{"Id":"x","ACCESS-TOKEN":"a","REFRESH-TOKEN":"r"}}`,
	`{"authtoken":{"id":"x","accesstoken":"a","refreshtoken":"r"}}`,
	`{"authToken":"{\"id\":\"x\",\"access_token\":\"a\",\"refresh_token\":\"r\"}"}`,
	`"{\"authToken\":{\"id\":\"x\",\"access_token\":\"a\",\"refresh_token\":\"r\"}}"`,
	`{"authToken":{"id":"x","access_token":"a","refresh":{"refresh_token":"r"}}}`,
	`{"authToken":{"id":"x","accessToken":{"value":"a","expiresIn":60},"refreshToken":{"value":"r"}}}`,
	`{"id":"x","accessToken":{"token":"a"},"refreshToken":{"token":"r"}}`,
	`{"authToken":{"id":"x","access_token":" Bearer a\n","refresh_token":"r\n"}}`,
	`[{"id":"x","access_token":"a","refresh_token":"r"},{"access_token":"a"}]`,
	`{"authToken":{"id":"x","access_token":"a","refresh_token":"r","expires_in":NaN}}`,
	`{"authToken":{"id":"x","access_token":"a","refresh_token":"r",}}`,
	`{'authToken':{'id':'x','access_token':'a','refresh_token':'r'}}`,
	`{authToken:{id:"x",access_token:"a",refresh_token:"r"}}`,
	`{"authToken":{"id":"x","access_token":"a","refresh_token":"r","refId1":"cad/`,
	`id=x&access_token=a&token_type=bearer&refresh_token=r`,
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
	for _, body := range []string{
		`[{"access_token":"a"},{"access_token":"b"}]`, `{"authToken":[{"token":"a"},{"token":"b"}]}`, `{"a":{"token":{}}}`,
		`<a access_token="a" refresh_token="r">`, `{"access_token":"a","refresh_token":"r`,
	} {
		if got, err := authTokenOf([]byte(body), date, Forms{}); err == nil {
			t.Errorf("%s: got %+v", body, got)
		}
	}
}

func title(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// TestTokensAtAnyDepth: beside unknown members, in any objects and lists, in any spelling
// of the names and beside whatever else is in the body, the one object with the tokens is
// found.
func TestTokensAtAnyDepth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spelled := func(name string) string {
			words := strings.Split(name, "_")
			for i, word := range words {
				as := rapid.SampledFrom([]func(string) string{strings.ToLower, strings.ToUpper, title}).Draw(t, "case")
				words[i] = as(word)
			}
			return strings.Join(words, rapid.SampledFrom([]string{"", "_", "-", " ", "."}).Draw(t, "sign"))
		}
		name := spelled(rapid.SampledFrom([]string{memberAccess, memberAccessShort}).Draw(t, "name"))
		var body any = map[string]any{spelled("id"): "x", name: "a", spelled(memberRefresh): "r", spelled(memberExpires): 300}
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
		before := rapid.SampledFrom([]string{"", "\ufeff", " \n", ")]}'\n", "while(1);", `{"status":"ok"}`}).Draw(t, "before")
		behind := rapid.SampledFrom([]string{"", "\r\n", ";", "<!-- x -->", `{"status":"ok"}`, "[]", "}", `{"cut":`}).Draw(t, "behind")
		text = []byte(before + string(text) + behind)
		got, err := authTokenOf(text, date, Forms{})
		if err != nil || reveal(got.Access) != "a" || reveal(got.Refresh) != "r" || got.ID != "x" || got.TTL != 300e9 {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	})
}
