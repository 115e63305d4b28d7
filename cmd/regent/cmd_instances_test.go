package main

import (
	"testing"

	"regent/agent/fault"
	"regent/agent/status"
)

// TestInstancesRedeemWaits: an instance that a redemption in doubt holds is not being
// redeemed, and the person is told for what it waits.
func TestInstancesRedeemWaits(t *testing.T) {
	st := servingDevice()
	st.Tenants[0].RegistrationToken = &status.RegistrationToken{Fingerprint: "9f86d081"}
	st.Applications[0].Instances = append(st.Applications[0].Instances, status.Instance{
		Name: "cad/12", LastFault: &status.Fault{Code: string(fault.RedemptionUnconfirmed), Detail: "redemption regent-1 of cad/1 is uncertain"},
	})
	got := cliRun{daemon: &fakeDaemon{status: st}, answer: "yes"}.run(t, "instances", "redeem", "cad/12")
	if want := "Accepted: cad/12 waits, and no count is used yet: redemption regent-1 of cad/1 is uncertain\n"; got.Out != want || got.Code != 0 {
		t.Errorf("got %+v, want %q", got, want)
	}
}
