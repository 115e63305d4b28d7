package client_test

import (
	"context"
	"testing"

	"regent/agent"
	"regent/agent/tms/contract"
	"regent/ipc/api"
	"regent/ipc/client"
)

func (daemon) Contract(context.Context, agent.Caller) (api.Contract, error) {
	return api.Contract{Tenants: []contract.Block{{Tenant: "demo-host.com", Forms: []contract.Form{}}}}, nil
}

func TestContract(t *testing.T) {
	c := client.New(client.Options{Socket: serve(t)})
	t.Cleanup(c.Close)
	if got, err := c.Contract(t.Context()); err != nil || len(got.Tenants) != 1 || got.Tenants[0].Tenant != "demo-host.com" {
		t.Errorf("Contract = %+v, %v", got, err)
	}
}
