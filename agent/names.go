package agent

import (
	"context"

	"regent/agent/instance"
	"regent/agent/redeem"
	"regent/agent/status"
	"regent/agent/tms"
)

// Host is what a device is called: what the service's administrator is told of it.
type Host struct{ FQDN, UserName, MAC string }

// today asks what the device is called now.
func (a *Agent) today() Host {
	h := a.d.Host()
	a.called.Store(&h)
	return h
}

// request is what the service, and so its administrator, is told of id: the names
// of the first redemption, whatever the device is called today.
func (a *Agent) request(id instance.ID) tms.Request {
	names := redeem.Names(a.today())
	if told, ok := a.told.Names(); ok {
		names = told
	}
	return tms.Request{FQDN: names.FQDN, UserName: names.UserName, MAC: names.MAC, RefID1: id.String(), RefID2: a.device}
}

// learnNames seals the names of the first redemption. While that fails they are
// read from the ledger, and it is tried again.
func (a *Agent) learnNames(ctx context.Context) {
	if err := a.told.Learn(context.WithoutCancel(ctx)); err != nil {
		a.d.Log.WarnContext(ctx, "cannot seal the names of this device; regentd retries", "err", err)
	}
}

// fqdn shows the name that the service is told beside the one of today; nil
// before the first redemption.
func (a *Agent) fqdn() *status.FQDN {
	told, ok := a.told.Names()
	if !ok {
		return nil
	}
	return &status.FQDN{Told: told.FQDN, Now: a.called.Load().FQDN}
}
