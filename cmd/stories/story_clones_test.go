package stories

import (
	"encoding/json"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"regent/agent/store/admin"
)

// originalFacts is the device on which the sound state was made.
func originalFacts(change func(*admin.Facts)) admin.Facts {
	f := admin.Facts{MachineID: "m1", DMI: "d1", RootFS: "r1", EK: "e1", MACs: []string{"00:16:3e:00:00:01"}}
	change(&f)
	return f
}

// cloneCase is what may become of a device or of its disk, and what the daemon
// says of it: the state of the store, and the binding to the device.
type cloneCase struct {
	name           string
	facts          admin.Facts
	older          bool // the state directory is an older copy
	state, binding string
}

func cloneCases() []cloneCase {
	other := []string{"00:16:3e:00:00:02"}
	return []cloneCase{
		{"a restart", originalFacts(func(*admin.Facts) {}), false, "ok", "same"},
		{"a VM is cloned", originalFacts(func(f *admin.Facts) { f.DMI, f.MACs = "d2", other }), false, "foreign_host", "quarantine"},
		{"a VM is cloned, its virtual TPM alone is new", originalFacts(func(f *admin.Facts) { f.EK, f.MACs = "e2", other }), false, "foreign_host", "quarantine"},
		{"the disk's image is written to another device", originalFacts(func(f *admin.Facts) { f.DMI, f.EK, f.MACs = "d2", "e2", other }), false, "foreign_host", "quarantine"},
		{"the state directory is put on another device", admin.Facts{MachineID: "m2", DMI: "d2", RootFS: "r2", EK: "e2", MACs: other}, false, "foreign_host", "quarantine"},
		{"a new mainboard, its network card with it", originalFacts(func(f *admin.Facts) { f.DMI, f.EK, f.MACs = "d2", "e2", other }), false, "foreign_host", "quarantine"},
		{"a new mainboard, the network card kept", originalFacts(func(f *admin.Facts) { f.DMI, f.EK = "d2", "e2" }), false, "ok", "rebind"},
		{"a dock, and a VPN", originalFacts(func(f *admin.Facts) { f.MACs = append(f.MACs, other...) }), false, "ok", "rebind"},
		{"a new disk, the system copied", originalFacts(func(f *admin.Facts) { f.RootFS = "r2" }), false, "ok", "rebind"},
		{"the system reinstalled, the state kept", originalFacts(func(f *admin.Facts) { f.MachineID, f.RootFS = "m2", "r2" }), false, "ok", "rebind"},
		{"a container", admin.Facts{MachineID: "m9"}, false, "ok", "off"},
		{"the state directory restored from a backup", originalFacts(func(*admin.Facts) {}), true, "rolled_back", ""},
	}
}

// cloneMatrix starts the daemon in each case, on a copy of the state in sound or, for
// an older one, in older. Every access token there has expired, so that a daemon
// that may ask does so at once; one that may not has asked for nothing.
func cloneMatrix(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Logf("clones: %-48s %-13s %-11s %s", "what happens", "store", "binding", "requests to the service")
	for _, c := range cloneCases() {
		from := "sound"
		if c.older {
			from = "older"
		}
		freshCopy(ts, from)
		mark, err := os.ReadFile(ts.MkAbs("sound.mark"))
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs("state.mark"), mark, 0o600))
		tryClone(ts, c)
	}
}

func tryClone(ts *testscript.TestScript, c cloneCase) {
	facts, err := json.Marshal(c.facts)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("facts"), facts, 0o600))
	before := requestsInAll(ts)
	startDaemon(ts, false, []string{"--host-facts", ts.MkAbs("facts")})
	got := exitOf(ts, "token", "--application", "cad")
	said := ts.ReadFile("stderr")
	if c.state != "ok" {
		exitOf(ts, "register", "--file", "made", "--wait", "1s")
		said += ts.ReadFile("stderr")
		pause(ts, false, []string{"500ms"}) // the others have asked within a tenth of it
	}
	exitOf(ts, "store", "status", "--json")
	var store struct{ State, Binding string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &store))
	end(ts, false, []string{"regentd"})
	asked := requestsInAll(ts) - before
	ts.Logf("clones: %-48s %-13s %-11s %d", c.name, store.State, store.Binding, asked)
	code := map[string]string{"ok": "", "foreign_host": "quarantined", "rolled_back": "store_rolled_back"}[c.state]
	switch {
	case store.State != c.state || store.Binding != c.binding:
		ts.Fatalf("%s: got %s, %q, want %s, %q", c.name, store.State, store.Binding, c.state, c.binding)
	case c.state == "ok" && (got != 0 || asked == 0):
		ts.Fatalf("%s: token ended with %d after %d requests, want a token that was asked for: %s", c.name, got, asked, said)
	case c.state != "ok" && (got == 0 || asked != 0 || strings.Count(said, code) < 2):
		ts.Fatalf("%s: token ended with %d after %d requests, want %s twice and no request: %s", c.name, got, asked, code, said)
	}
}

// requestsInAll is how many requests of any kind the emulator has had.
func requestsInAll(ts *testscript.TestScript) int {
	var of map[string]int
	ts.Check(json.Unmarshal([]byte(requestCount(ts)), &of))
	sum := 0
	for _, n := range of {
		sum += n
	}
	return sum
}
