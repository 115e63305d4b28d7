package tms

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzFirst: what is found has the member that was looked for, stands in the
// body, and its numbers are within bounds; no error quotes the body.
func FuzzFirst(f *testing.F) {
	for _, body := range []string{`{"TOKEN":1}`, `"{\"token\":1}"`, `{"a":[{"to-ken":"x"}]} {`, ")]}'\n[{\"Token\":null}]"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := FindObject(body, "token")
		if err != nil {
			if strings.Contains(err.Error(), "SECRET") {
				t.Errorf("the error %v quotes", err)
			}
			return
		}
		if o.Member("token") == nil || !json.Valid(whole(body)) {
			t.Errorf("found %v in %q", o, body)
		}
		for name := range o {
			if d, _, err := o.Seconds(name); err == nil && (d > longest || d < -longest) {
				t.Errorf("%s lasts %s", name, d)
			}
			if _, ok, err := o.Int(name); err == nil && ok && o.ID(name) == "" {
				t.Errorf("%s is a whole number and has no text", name)
			}
			if _, _, err := o.Number(name); err != nil && strings.Contains(err.Error(), "SECRET") && !strings.Contains(name, "SECRET") {
				t.Errorf("the error %v quotes", err)
			}
		}
	})
}
