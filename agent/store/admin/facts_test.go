package admin

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// laptop is the device that the state was made on.
func laptop() Facts {
	return Facts{MachineID: "m1", DMI: "d1", RootFS: "r1", EK: "e1", MACs: []string{"00:16:3e:00:00:01"}}
}

func with(change func(*Facts)) Facts {
	f := laptop()
	change(&f)
	return f
}

// TestDecide is the table of what happens to devices and their images.
func TestDecide(t *testing.T) {
	bound := laptop()
	tests := []struct {
		name    string
		bound   *Facts
		now     Facts
		outcome Outcome
		changed []string
	}{
		{"1 first start", nil, laptop(), Bind, nil},
		{"2 restart", &bound, laptop(), Same, nil},
		{
			"3 VM clone with new addresses", &bound, with(func(f *Facts) { f.DMI, f.EK, f.MACs = "d2", "", []string{"00:16:3e:00:00:02"} }),
			Quarantine,
			[]string{network, mainboard},
		},
		{
			"4 disk image written to another device", &bound, with(func(f *Facts) { f.DMI, f.EK, f.MACs = "d2", "e2", []string{"00:16:3e:00:00:02"} }),
			Quarantine,
			[]string{network, mainboard, tpm},
		},
		{
			"5 restored state directory on a reinstalled other device", &bound,
			Facts{MachineID: "m2", DMI: "d2", RootFS: "r2", EK: "e2", MACs: []string{"00:16:3e:00:00:02"}},
			Quarantine,
			[]string{network, mainboard, tpm, system, disk},
		},
		{
			"6 new mainboard with its network card", &bound, with(func(f *Facts) { f.DMI, f.EK, f.MACs = "d2", "e2", []string{"00:16:3e:00:00:03"} }),
			Quarantine,
			[]string{network, mainboard, tpm},
		},
		{"7 new mainboard, the network card kept", &bound, with(func(f *Facts) { f.DMI, f.EK = "d2", "e2" }), Rebind, []string{mainboard, tpm}},
		{"8 dock: one more network card", &bound, with(func(f *Facts) { f.MACs = append(f.MACs, "00:16:3e:00:00:09") }), Rebind, nil},
		{"9 VPN: no physical card more", &bound, laptop(), Same, nil},
		{"10 new disk, the system copied", &bound, with(func(f *Facts) { f.RootFS = "r2" }), Rebind, []string{disk}},
		{"11 reinstalled system, the state kept", &bound, with(func(f *Facts) { f.MachineID, f.RootFS = "m2", "r2" }), Rebind, []string{system, disk}},
		{"12 container", &bound, Facts{MachineID: "m3"}, Off, nil},
		{"new network card alone", &bound, with(func(f *Facts) { f.MACs = []string{"00:16:3e:00:00:04"} }), Rebind, []string{network}},
		{"TPM cleared alone", &bound, with(func(f *Facts) { f.EK = "e2" }), Rebind, []string{tpm}},
		{"moved from a container", &Facts{MachineID: "m3"}, laptop(), Bind, nil},
		{"the daemon may read less", &bound, Facts{MachineID: "m1", MACs: bound.MACs}, Same, nil},
		{"undocked", &Facts{MachineID: "m1", DMI: "d1", RootFS: "r1", EK: "e1", MACs: []string{"00:16:3e:00:00:01", "00:16:3e:00:00:09"}}, laptop(), Same, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Decide(tt.bound, tt.now)
			if diff := cmp.Diff(got, Decision{tt.outcome, tt.changed}); diff != "" {
				t.Errorf("-got +want:\n%s", diff)
			}
			if got.Outcome == Quarantine || got.Outcome == Off {
				return
			}
			renewed := Renew(tt.bound, tt.now)
			if again := Decide(&renewed, tt.now); again.Outcome != Same {
				t.Errorf("bound anew: got %v, want %s", again, Same)
			}
		})
	}
}

// TestUnknownFactsDecideNothing draws devices, and takes facts away.
func TestUnknownFactsDecideNothing(t *testing.T) {
	value := rapid.SampledFrom([]string{"", "1", "2"})
	draw := rapid.Custom(func(r *rapid.T) Facts {
		return Facts{
			MachineID: value.Draw(r, "machine"), DMI: value.Draw(r, "dmi"), RootFS: value.Draw(r, "fs"), EK: value.Draw(r, "ek"),
			MACs: rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), rapid.ID).Draw(r, "macs"),
		}
	})
	rapid.Check(t, func(r *rapid.T) {
		bound, now := draw.Draw(r, "bound"), draw.Draw(r, "now")
		if d := Decide(&bound, now); d.Outcome == Quarantine {
			less := now
			less.MACs = nil
			if got := Decide(&bound, less); got.Outcome == Quarantine {
				r.Errorf("without network cards: got %v", got)
			}
			less = now
			less.DMI, less.EK = bound.DMI, bound.EK
			if got := Decide(&bound, less); got.Outcome == Quarantine {
				r.Errorf("on the same mainboard: got %v", got)
			}
		}
		if d := Decide(&now, now); d.Outcome == Quarantine || d.Outcome == Rebind && len(now.MACs) > 0 {
			r.Errorf("a device is not itself: %v", d)
		}
	})
}

// TestCopyInTwoSteps is what happened before a fact had to be confirmed.
func TestCopyInTwoSteps(t *testing.T) {
	copied := with(func(f *Facts) { f.DMI, f.EK, f.MACs = "d2", "e2", []string{"00:16:3e:00:00:02"} })
	for name, hide := range map[string]func(*Facts){
		"no network card yet":         func(f *Facts) { f.MACs = nil },
		"no mainboard and no TPM yet": func(f *Facts) { f.DMI, f.EK = "", "" },
		"no mainboard yet":            func(f *Facts) { f.DMI, f.EK = "", "e1" },
	} {
		bound, less := laptop(), copied
		hide(&less)
		if got := Decide(&bound, less); got.Outcome != Rebind {
			t.Errorf("%s: got %v, want %s", name, got, Rebind)
		}
		renewed := Renew(&bound, less)
		if got := Decide(&renewed, copied); got.Outcome != Quarantine {
			t.Errorf("%s, then all: got %v, want %s", name, got, Quarantine)
		}
	}
}

// TestCopyNeverPasses: a copy of which little is known at its first start, as
// before its network card is up, is found out once more is known.
func TestCopyNeverPasses(t *testing.T) {
	value := rapid.SampledFrom([]string{"", "1", "2"})
	draw := rapid.Custom(func(r *rapid.T) Facts {
		return Facts{
			MachineID: value.Draw(r, "machine"), DMI: value.Draw(r, "dmi"), RootFS: value.Draw(r, "fs"), EK: value.Draw(r, "ek"),
			MACs: rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), rapid.ID).Draw(r, "macs"),
		}
	})
	rapid.Check(t, func(r *rapid.T) {
		bound, copied := draw.Draw(r, "bound"), draw.Draw(r, "copied")
		if Decide(&bound, copied).Outcome != Quarantine {
			return
		}
		less := copied
		for _, hide := range rapid.SliceOf(rapid.SampledFrom([]func(){
			func() { less.DMI = "" }, func() { less.EK = "" }, func() { less.MACs = nil },
		})).Draw(r, "hidden") {
			hide()
		}
		switch Decide(&bound, less).Outcome {
		case Rebind, Same:
			renewed := Renew(&bound, less)
			if got := Decide(&renewed, copied); got.Outcome != Quarantine {
				r.Errorf("bound %+v, then %+v to %+v: got %v for %+v", bound, less, renewed, got, copied)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	b, err := json.Marshal(laptop())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var facts, back Facts
		if err := json.Unmarshal(b, &facts); err != nil {
			return
		}
		again, err := json.Marshal(facts)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(again, &back); err != nil || Decide(&back, facts).Outcome == Quarantine {
			t.Errorf("%q became %q, %v", b, again, err)
		}
	})
}
