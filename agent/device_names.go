package agent

import (
	"context"

	"regent/agent/instance"
	"regent/agent/redeem"
	"regent/agent/status"
	"regent/agent/tms"
)

// DeviceNames is what a device is called: what the service's administrator is told of it.
type DeviceNames struct{ FQDN, UserName, MAC string }

// readNames asks what the device is called now.
func (a *Agent) readNames() DeviceNames {
	h := a.d.DeviceNames()
	a.currentNames.Store(&h)
	return h
}

// redeemRequest is what the service, and so its administrator, is told of id: the names
// of the first redemption, whatever the device is called today.
func (a *Agent) redeemRequest(id instance.ID) tms.Request {
	names := redeem.DeviceNames(a.readNames())
	if told, ok := a.sentNames.Names(); ok {
		names = told
	}
	return tms.Request{FQDN: names.FQDN, UserName: names.UserName, MAC: names.MAC, RefID1: id.String(), RefID2: a.device}
}

// saveSentNames seals the names of the first redemption. While that fails they are
// read from the ledger, and it is tried again.
func (a *Agent) saveSentNames(ctx context.Context) {
	if err := a.sentNames.Update(context.WithoutCancel(ctx)); err != nil {
		a.d.Log.WarnContext(ctx, "cannot seal the names of this device; regentd retries", "err", err)
	}
}

// fqdnStatus shows the name that the service is told beside the one of today; nil
// before the first redemption.
func (a *Agent) fqdnStatus() *status.FQDN {
	told, ok := a.sentNames.Names()
	if !ok {
		return nil
	}
	return &status.FQDN{Registered: told.FQDN, Current: a.currentNames.Load().FQDN}
}
