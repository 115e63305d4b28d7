package usage

import (
	"time"

	"regent/agent/tms"
	"regent/agent/tms/admin"
)

// ledgerOf names the ledger of an installation on a host: a copied disk has the installation
// of the first one. An empty refID2 is the newest ledger of the host.
type ledgerOf struct{ host, refID2 string }

// coverage is how new a ledger is. It has each redemption before one of the times.
type coverage struct {
	device  time.Time // its export, else its last entry, by the device's clock
	service time.Time // the newest auth token that it confirms, by the service's clock
}

// addCoverage notes the time of an entry, and of its export.
func (j *matcher) addCoverage(e Entry) {
	for _, of := range []ledgerOf{{Host(e.FQDN), ""}, {Host(e.FQDN), e.RefID2}} {
		c := j.covered[of]
		for _, at := range []time.Time{e.Created, e.Exported} {
			if at.After(c.device) {
				c.device = at
			}
		}
		j.covered[of] = c
	}
}

// addConfirmed notes an auth token that a ledger confirms. The device recorded each earlier
// redemption before the service created this auth token.
func (j *matcher) addConfirmed(t admin.AuthToken) {
	if !j.lookUp(t).confirmed {
		return
	}
	for _, of := range []ledgerOf{{Host(t.FQDN), ""}, {Host(t.FQDN), t.RefID2}} {
		if c := j.covered[of]; t.Created.After(c.service) {
			c.service = t.Created
			j.covered[of] = c
		}
	}
}

// maxSkew is how far the clock of a device may be off: the service refuses calls beyond it.
const maxSkew = 15 * time.Minute

// covers reports whether a redemption of t would be in the ledger for certain.
func (j *matcher) covers(of ledgerOf, t admin.AuthToken) bool {
	c := j.covered[of]
	sameZone := admin.HasZone(t.Created) == admin.HasZone(c.service)
	return admin.Before(t.Created, c.device.Add(-maxSkew)) || sameZone && !t.Created.IsZero() && t.Created.Before(c.service)
}

// older says that a ledger may be older than t, and the next step.
func (j *matcher) older(of ledgerOf, t admin.AuthToken) string {
	latest, wait := t.Created, "1 hour"
	if !admin.HasZone(t.Created) {
		latest, wait = t.Created.Add(-tms.ZoneSpan), "15 hours"
	}
	switch {
	case t.Created.IsZero():
		return "the ledger may be older than this auth token: the service does not show when it was created"
	case latest.After(j.covered[of].device):
		return "the ledger is older than this auth token; export it again"
	case t.Created.Location() == tms.NoTime:
		wait = "2 days"
	}
	return "the ledger may be older than this auth token; export it again " + wait + " after the auth token was created"
}
