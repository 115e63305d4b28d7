package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"regent/agent/tms/admin"
	"regent/agent/token"
)

// fingerprintsName is the record of fingerprints, beside the profiles: a line of
// JSON for each registration token. It holds no secret.
const fingerprintsName = "fingerprints.jsonl"

// fingerprintLine is what is recorded of a registration token.
type fingerprintLine struct {
	Tenant      string `json:"tenant"` // host
	ID          string `json:"id"`
	Fingerprint string `json:"fingerprint"`
}

// mostComputed bounds how many fingerprints one list computes: each takes a tenth
// of a second.
const mostComputed = 16

func (t *tool) fingerprintsFile() (string, error) {
	profiles, err := t.profilesFile()
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(profiles), fingerprintsName), nil
}

// readFingerprints returns the fingerprints of the tenant by the ids of their registration
// tokens. A line that cannot be read is as if it were not there.
func (t *tool) readFingerprints() map[string]string {
	if t.prints != nil {
		return t.prints
	}
	t.prints = map[string]string{}
	file, err := t.fingerprintsFile()
	if err != nil { // a system account without a home records none
		return t.prints
	}
	content, err := os.ReadFile(file) //nolint:gosec // the person's own file
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.say("tmsctl: note: cannot read the recorded fingerprints: %v\n", err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		var l fingerprintLine
		if json.Unmarshal(lines.Bytes(), &l) == nil && l.Tenant == t.host {
			t.prints[l.ID] = l.Fingerprint
		}
	}
	return t.prints
}

// fingerprint returns the fingerprint of a registration token, as the devices show
// it; "" if the service does not show the token and none was recorded. What is
// computed is recorded.
func (t *tool) fingerprint(r admin.RegistrationToken) string {
	if known := t.readFingerprints()[r.ID]; known != "" || r.Token.IsZero() {
		return known
	}
	computed := token.Fingerprint(r.Token)
	t.prints[r.ID] = computed
	if err := t.record(fingerprintLine{t.host, r.ID, computed}); err != nil {
		t.say("tmsctl: note: cannot record the fingerprint of %[2]s: %[3]v. Write it down: %[1]s\n", computed, tableCell(r.ID), err)
	}
	return computed
}

// fingerprintsOf returns the fingerprints of a list. Of many that were never recorded only
// some are computed.
func (t *tool) fingerprintsOf(list []admin.RegistrationToken) map[string]string {
	out := map[string]string{}
	left, skipped := mostComputed, 0
	for _, r := range list {
		isNew := t.readFingerprints()[r.ID] == "" && !r.Token.IsZero()
		if isNew && left == 0 {
			skipped++
			continue
		}
		if isNew {
			left--
		}
		out[r.ID] = t.fingerprint(r)
	}
	if skipped > 0 {
		t.say("tmsctl: note: %d fingerprints are not computed yet. Run the command again, or run: tmsctl registration-token show ID\n", skipped)
	}
	return out
}

// record adds a line durably, in one write: two runs may do so at a time.
func (t *tool) record(l fingerprintLine) error {
	file, err := t.fingerprintsFile()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	line, err := json.Marshal(l)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600) //nolint:gosec // the person's own file
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s\n", line)
	return errors.Join(err, f.Sync(), f.Close())
}

// warnUnusualToken warns of a registration token that does not look like one.
func (t *tool) warnUnusualToken(r admin.RegistrationToken) {
	if why := token.FormatWarning(r.Token); !r.Token.IsZero() && why != "" {
		t.say("tmsctl: warning: registration token %s: %s\n", tableCell(r.ID), why)
	}
}
