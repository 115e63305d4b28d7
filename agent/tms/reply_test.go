package tms

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseReply(t *testing.T) {
	tests := []struct{ name, body, want, err string }{
		{"bare", `{"id":"bare"}`, "bare", ""},
		{"wrapped", `{"w":{"id":"inner"},"id":"outer"}`, "inner", ""},
		{"the wrapper is no object", `{"w":[{"id":"inner"}],"id":"outer"}`, "outer", ""},
		{"the wrapper is null", `{"w":null,"id":"outer"}`, "outer", ""},
		{"another case", `{"W":{"id":"inner"},"ID":"outer"}`, "inner", ""},
		{"no object", `["SECRET"]`, "", "no JSON object"},
		{"half of one", `{"id":"SECRET`, "", "no JSON object"},
		{"one and a half", `{"id":"a"}{`, "a", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := ParseReply([]byte(tt.body), "w")
			if got := o.Text("id"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			wantError(t, err, tt.err)
		})
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "SECRET")) {
		t.Errorf("got error %v, want %q and nothing quoted", err, want)
	}
}

func TestMembers(t *testing.T) {
	o, err := ParseReply([]byte(`{"text":"a","empty":"","number":17,"big":12345678901234567890,"list":[1],"null":null,"string":"17","SECRET":"x","word":"SECRET"}`), "")
	if err != nil {
		t.Fatal(err)
	}
	texts := []struct {
		names []string
		want  string
	}{
		{[]string{"text"}, "a"},
		{[]string{"missing", "null", "number", "list", "empty", "text", "string"}, "a"},
		{[]string{"number"}, ""},
	}
	for _, tt := range texts {
		if got := o.Text(tt.names...); got != tt.want {
			t.Errorf("Text(%q): got %q, want %q", tt.names, got, tt.want)
		}
	}
	ids := map[string]string{"text": "a", "number": "17", "big": "12345678901234567890", "list": "", "null": "", "missing": ""}
	for name, want := range ids {
		if got := o.ID(name); got != want {
			t.Errorf("ID(%s): got %q, want %q", name, got, want)
		}
	}
	ints := []struct {
		name string
		want int
		ok   bool
		err  string
	}{
		{"number", 17, true, ""},
		{"string", 17, true, ""},
		{"null", 0, false, ""},
		{"missing", 0, false, ""},
		{"big", 0, false, "out of bounds"},
		{"list", 0, false, "list is no number"},
		{"word", 0, false, "word is no number"},
		{"empty", 0, false, "empty is no number"},
	}
	for _, tt := range ints {
		got, ok, err := o.Int(tt.name)
		if got != tt.want || ok != tt.ok {
			t.Errorf("Int(%s): got %d, %t, want %d, %t", tt.name, got, ok, tt.want, tt.ok)
		}
		wantError(t, err, tt.err)
	}
}

func TestSeconds(t *testing.T) {
	tests := []struct {
		in   string
		want time.Duration
	}{
		{"300", 5 * time.Minute},
		{"0.5", 500 * time.Millisecond},
		{"-1", -time.Second},
		{"315359999", longest - time.Second},
		{"315360001", longest},
		{"9223372037", longest}, // overflows nanoseconds
		{"-1e30", -longest},
		{"1e999", longest},
		{"-1e999", -longest},
	}
	for _, tt := range tests {
		got, ok, err := Object{"n": []byte(tt.in)}.Seconds("n")
		if got != tt.want || !ok || err != nil {
			t.Errorf("%s: got %s, %t, %v, want %s", tt.in, got, ok, err, tt.want)
		}
	}
}

var aList = List{Member: "list", Inner: "item", Total: "total", Count: "count"}

func TestParseList(t *testing.T) {
	tests := []struct {
		name, body string
		n, total   int
		all        bool
		err        string
	}{
		{"named", `{"list":[{"id":1},{"id":2}],"total":9}`, 2, 9, true, ""},
		{"bare", `[{"id":1}]`, 1, -1, false, ""},
		{"no total", `{"list":[]}`, 0, -1, false, ""},
		{"no list", `{"total":9}`, 0, 0, false, "no list in the answer"},
		{"null", `{"list":null,"total":0}`, 0, 0, true, ""},
		{"text", `"SECRET"`, 0, 0, false, "list is no JSON array"},
		{"nothing", ``, 0, 0, false, "list is no JSON array"},
		{"an item of text", `[{},"SECRET"]`, 2, -1, false, ""},
		{"an empty text", `{"list":"","count":0}`, 0, 0, false, ""},
		{"nested, an empty text", `{"list":{"item":""}}`, 0, -1, false, ""},
		{"no numbers", `{"list":{"count":"SECRET","total":-1,"item":[{"id":1}]}}`, 1, -1, false, ""},
		{"nested", `{"list":{"count":1,"item":[{"id":1}]}}`, 1, 1, false, ""},
		{"nested, of many", `{"list":{"count":7,"item":[{"id":1}]}}`, 1, 7, true, ""},
		{"nested, one object", `{"list":{"count":1,"item":{"id":1}}}`, 1, 1, false, ""},
		{"nested, empty", `{"list":{"count":0}}`, 0, 0, false, ""},
		{"nested, beyond the last row", `{"list":{"count":7}}`, 0, 7, true, ""},
		{"nested, null", `{"list":{"count":0,"item":null}}`, 0, 0, false, ""},
		{"nested, numbers as text", `{"list":{"count":"2","item":[{"id":"1"},{"id":"2"}]}}`, 2, 2, false, ""},
		{"nested, total beside it", `{"total":5,"list":{"item":[{"id":1}]}}`, 1, 5, true, ""},
		{"nested deeper", `{"response":{"list":{"count":1,"item":[{"id":1}]}}}`, 1, 1, false, ""},
		{"the inner array alone", `{"count":1,"item":[{"id":1}]}`, 1, 1, false, ""},
		{"nested, nothing", `{"list":{}}`, 0, -1, false, ""},
		{"nested, something else", `{"list":{"SECRET":[{"id":1}]}}`, 0, 0, false, "list is no JSON array, and has no item"},
		{"nested, text", `{"list":{"count":1,"item":"SECRET"}}`, 0, 0, false, "list is no JSON array"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, total, err := aList.Parse([]byte(tt.body))
			wantError(t, err, tt.err)
			if err == nil && (len(list) != tt.n || total != Total{tt.total, tt.all}) {
				t.Errorf("got %d of %+v, want %d of %d", len(list), total, tt.n, tt.total)
			}
		})
	}
}

func TestParseTime(t *testing.T) {
	at := time.Date(2019, 12, 19, 6, 43, 0, 0, time.UTC)
	tests := []struct {
		text string
		want time.Time
		zone bool
	}{
		{"2019-12-19T06:43:00Z", at, true},
		{"2019-12-19T07:43:00+01:00", at, true},
		{"2019-12-19T07:43:00.000+0100", at, true},
		{"2019-12-19T06:43Z", at, true},
		{"2019-12-19 06:43:00+00:00", at, true},
		{"2019-12-19 06:43", at, false},
		{"2019-12-19 06:43:00", at, false},
		{"2019-12-19 06:43:00.000", at, false},
		{"2019-12-19T06:43:00", at, false},
		{"2019-12-19T06:43", at, false},
		{"2019-12-19", at.Truncate(24 * time.Hour), false},
		{"19.12.2019", time.Time{}, true},
		{"", time.Time{}, true},
	}
	for _, tt := range tests {
		if got := ParseTime(tt.text); !got.Equal(tt.want) || (got.Location() != NoZone && got.Location() != NoTime) != tt.zone {
			t.Errorf("%s: got %s, want %s, with a zone: %t", tt.text, got, tt.want, tt.zone)
		}
	}
}

// FuzzParseList covers what the administrator's client reads.
func FuzzParseList(f *testing.F) {
	f.Fuzz(func(t *testing.T, body []byte) {
		list, total, err := aList.Parse(body)
		if err != nil {
			if strings.Contains(err.Error(), "SECRET") {
				t.Errorf("the error %v quotes", err)
			}
			return
		}
		for _, o := range list {
			if o == nil {
				t.Errorf("a nil object of %d", total.N)
			}
			if _, _, err := o.Int("count"); err != nil && strings.Contains(err.Error(), "SECRET") {
				t.Errorf("the error %v quotes", err)
			}
		}
	})
}

// FuzzTime: what is read as a time is one of the forms, and a time that is written
// as RFC 3339 is read as the same.
func FuzzTime(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		got := ParseTime(text)
		if got.IsZero() || got.Year() < 1 || got.Year() > 9999 {
			return
		}
		if again := ParseTime(got.Format(time.RFC3339Nano)); !again.Equal(got) {
			t.Errorf("%q is %s, and that is %s", text, got, again)
		}
	})
}

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
