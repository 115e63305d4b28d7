package server_test

import (
	"context"
	"testing"
	"testing/synctest"

	"regent/agent"
	"regent/agent/fault"
	"regent/agent/tms/contract"
	"regent/ipc/api"
)

func (b *backend) Contract(_ context.Context, by agent.Caller) (api.Contract, error) {
	b.record(by, "contract")
	return api.Contract{Tenants: []contract.Block{{Tenant: "demo-host.com", Forms: []contract.Form{}}}}, b.err
}

func TestContract(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{}
		h := newTestServer(t, b)
		if c, err := h.client(t).Contract(t.Context()); err != nil || len(c.Tenants) != 1 || c.Tenants[0].Tenant != "demo-host.com" {
			t.Errorf("Contract = %+v, %v", c, err)
		}
		if err := h.stop(); err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		h := newTestServer(t, &backend{err: fault.Errorf("contract", fault.Denied, "for administrators")})
		if c, err := h.client(t).Contract(t.Context()); fault.KindOf(err) != fault.Denied || len(c.Tenants) != 0 {
			t.Errorf("Contract = %+v, %v; want it denied", c, err)
		}
		if err := h.stop(); err != nil {
			t.Error(err)
		}
	})
}
