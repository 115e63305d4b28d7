package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/redeem"
	"regent/agent/status"
	"regent/agent/tms"
	"regent/agent/token"
)

// redeemAnother renames the device, boots it and redeems an instance anew; it
// returns what the service was told.
func (d *device) redeemAnother(t *testing.T, name string) tms.Request {
	t.Helper()
	d.host = DeviceNames{FQDN: name, UserName: "u-" + name, MAC: "02:00:00:00:00:99"}
	if d.stop != nil {
		d.stop()
	}
	d.settings.Applications[0].Instances++
	before := len(d.service.requests)
	d.boot(t)
	_, err := d.RegisterAsDaemon(t.Context(), Registration{Token: token.NewSecret("registration"), Source: "test", Wait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.service.requests) == before {
		t.Fatal("nothing was redeemed")
	}
	return d.service.requests[len(d.service.requests)-1]
}

func (d *device) wantFQDN(t *testing.T, want status.FQDN) {
	t.Helper()
	by, _ := newCaller("alice", 1)
	s, err := d.Status(t.Context(), by)
	if err != nil || s.FQDN == nil || *s.FQDN != want {
		t.Errorf("status tells %+v, %v, want %+v", s.FQDN, err, want)
	}
}

// TestSentNamesArePersistent: the service is told the names of the first redemption, in an
// existing store those of its ledger, and status shows today's beside them.
func TestSentNamesArePersistent(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, d *device){
		"as sealed": func(*testing.T, *device) {},
		"an existing store": func(t *testing.T, d *device) {
			if err := d.store.Delete(t.Context(), redeem.NamesRecord); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := registeredDevice(t)
				first := d.service.requests[0]
				d.stop()
				d.stop = nil
				change(t, d)
				for _, today := range []string{"laptop.home.lan", "laptop"} {
					got := d.redeemAnother(t, today)
					if got.FQDN != first.FQDN || got.MAC != first.MAC || got.UserName != first.UserName {
						t.Errorf("as %s the service is told %+v, want the names of the first redemption, %+v", today, got, first)
					}
					d.wantFQDN(t, status.FQDN{Registered: first.FQDN, Current: today})
				}
				d.stop()
			})
		})
	}
}

// TestSentNamesSkipRefused: a redemption that the service refused left
// nothing in its list, so the next one names the device.
func TestSentNamesSkipRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		d.service.refuse = &tms.Failure{Op: "redeem", Host: "demo-host.com", Reach: tms.Answered, Status: 400, ServiceShape: true, Message: "expired", Code: "EXPIRED"}
		d.boot(t)
		if _, err := d.RegisterAsDaemon(t.Context(), Registration{Token: token.NewSecret("registration"), Source: "test", Wait: time.Minute}); err != nil {
			t.Fatal(err)
		}
		d.service.refuse = nil
		if got := d.redeemAnother(t, "ws-2.example.com"); got.FQDN != "ws-2.example.com" {
			t.Errorf("told %s, want the name of the first redemption that counted", got.FQDN)
		}
		d.stop()
	})
}

// TestSentNamesReset: a state that became another device's tells that one's name.
func TestSentNamesReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		anew, err := redeem.ResetNames()
		if err != nil {
			t.Fatal(err)
		}
		d.stop()
		d.stop = nil
		_, v, err := d.store.Get(t.Context(), redeem.NamesRecord)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.store.Put(t.Context(), redeem.NamesRecord, anew, v); err != nil {
			t.Fatal(err)
		}
		for _, today := range []string{"clone.example.com", "elsewhere"} {
			if got := d.redeemAnother(t, today); got.FQDN != "clone.example.com" {
				t.Errorf("as %s the service is told %s, want the clone's first name", today, got.FQDN)
			}
		}
		d.stop()
		if first := d.redeemRequest(token.Instance{Tenant: "demo-host.com", Application: "cad", Number: 9}); first.FQDN != "clone.example.com" {
			t.Errorf("told %s", first.FQDN)
		}
	})
}
