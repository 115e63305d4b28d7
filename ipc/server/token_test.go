package server

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"regent/ipc/api"
)

// TestAppendToken: whatever is in a token, it reads back as what encoding/json
// would have written. A new field that appendToken forgets is found here.
func TestAppendToken(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a\nb", `"`, `\`, "<&>", "\xff", "cad/1"}))
	rapid.Check(t, func(t *rapid.T) {
		tok := api.Token{
			AccessToken: text.Draw(t, "token"), TokenType: text.Draw(t, "type"), ExpiresIn: rapid.Int64().Draw(t, "in"),
			ExpiresAt:   time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC(),
			Application: text.Draw(t, "application"), Instance: text.Draw(t, "instance"), Tenant: text.Draw(t, "tenant"),
			Generation: rapid.Uint64().Draw(t, "generation"),
		}
		std, err := json.Marshal(tok)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decodeObject(t, appendToken(nil, &tok)), decodeObject(t, std)); diff != "" {
			t.Errorf("got -, want +:\n%s", diff)
		}
	})
}

func decodeObject(t *rapid.T, b []byte) map[string]any {
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatalf("%q: %v", b, err)
	}
	return m
}
