package doctor_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/doctor"
)

// FuzzJudge: whatever a daemon says of itself, an older or a newer one, each
// finding is in the table with its cause and its next step, and two looks at the
// same facts find the same.
func FuzzJudge(f *testing.F) {
	f.Fuzz(func(t *testing.T, said []byte) {
		var d doctor.Daemon
		if json.Unmarshal(said, &d) != nil {
			return
		}
		facts := doctor.Facts{
			Daemon: &d, Audience: d.Audience, Client: doctor.Client{Version: "1.2.3"}, Socket: doctor.Socket{Connection: doctor.ConnectionAnswered},
		}
		r := doctor.Judge(facts)
		if len(r.Checked)+len(r.Skipped) == 0 {
			t.Error("nothing was looked at")
		}
		for _, found := range r.Findings {
			e, known := doctor.Lookup(found.Code)
			if !known || found.Cause != e.Cause || found.Severity != e.Severity || strings.TrimSpace(found.Next) == "" {
				t.Errorf("it is not as in the table: %+v", found)
			}
		}
		again := doctor.Judge(facts)
		if diff := cmp.Diff(again, r); diff != "" {
			t.Errorf("judged again, -got +before:\n%s", diff)
		}
	})
}
