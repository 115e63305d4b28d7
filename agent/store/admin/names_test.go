package admin

import (
	"errors"
	"strings"
	"testing"

	"regent/agent/policy"
	"regent/agent/redeem"
	"regent/agent/store"
)

// oldNames are what the service was told of the first device.
const oldNames = `{"fqdn":"ws-1.example.com"}`

// TestNamesOfAnotherDevice: what another device was called is not told of this
// one, and what happens to one device leaves its name.
func TestNamesOfAnotherDevice(t *testing.T) {
	otherSystem := func(f *Facts) { f.MachineID = "m2" }
	for name, tt := range map[string]struct {
		change func(*Facts)
		clone  string
		act    Verb
		stays  bool
	}{
		"restarted":         {change: func(*Facts) {}, stays: true},
		"a new disk":        {change: func(f *Facts) { f.RootFS = "r2" }, stays: true},
		"a new mainboard":   {change: func(f *Facts) { f.DMI = "d2" }, stays: true},
		"machine-id":        {change: otherSystem},
		"adopted by policy": {change: func(f *Facts) { *f = otherDevice() }, clone: policy.AdoptClone},
		"adopted":           {change: func(f *Facts) { *f = otherDevice() }, act: Adopt},
		"registered again":  {change: func(f *Facts) { *f = otherDevice() }, act: RegisterAgain},
		"reset":             {change: func(*Facts) {}, act: Reset},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t)
			s := d.want(store.OK, "")
			must(t, s.put(t.Context(), redeem.NamesRecord, []byte(oldNames)))
			must(t, s.mark.Save(t.Context()))
			must(t, s.Close())
			d.clone = tt.clone
			tt.change(&d.facts)
			if tt.act != "" {
				_, err := d.act(tt.act)
				must(t, err)
			}
			b, _, err := d.want(store.OK, "").Store().Get(t.Context(), redeem.NamesRecord)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Fatal(err)
			}
			if stays := string(b) == oldNames; stays != tt.stays || strings.Contains(string(b), "ws-1") != tt.stays {
				t.Errorf("the record is %q; the old name stays: %v, want %v", b, stays, tt.stays)
			}
		})
	}
}
