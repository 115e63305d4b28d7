package client_test

import (
	"context"
	"testing"

	"regent/agent"
	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/ipc/api"
	"regent/ipc/client"
)

func (daemon) Diagnose(context.Context, agent.Caller) (api.Diagnosis, error) {
	return doctor.Daemon{PID: 7}, nil
}

func (daemon) Metrics(context.Context, agent.Caller) (string, error) {
	return "", fault.Errorf("metrics", fault.Denied, "for administrators")
}

func TestDiagnosis(t *testing.T) {
	c := client.New(client.Options{Socket: serve(t)})
	t.Cleanup(c.Close)
	if d, err := c.Diagnose(t.Context()); err != nil || d.PID != 7 {
		t.Errorf("Diagnose = %+v, %v", d, err)
	}
	if text, err := c.Metrics(t.Context()); fault.KindOf(err) != fault.Denied || text != "" {
		t.Errorf("Metrics = %q, %v; want it denied", text, err)
	}
}
