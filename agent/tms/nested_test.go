package tms

import "testing"

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
