package server_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"

	"regent/agent"
	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/ipc/api"
)

func (b *backend) Diagnose(_ context.Context, by agent.Caller) (api.Diagnosis, error) {
	b.record(by, "diagnose")
	return doctor.Daemon{PID: 7, Audience: doctor.User, ServiceChecks: []doctor.ServiceCheck{{Host: "demo-host.com", Stage: fault.StageDNS}}}, b.err
}

func (b *backend) Metrics(_ context.Context, by agent.Caller) (string, error) {
	b.record(by, "metrics")
	return "regent_health 1\n", b.err
}

func TestDiagnosis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestServer(t, &backend{})
		d, err := h.client(t).Diagnose(t.Context())
		if err != nil || d.PID != 7 || len(d.ServiceChecks) != 1 || d.ServiceChecks[0].Stage != fault.StageDNS {
			t.Errorf("Diagnose = %+v, %v", d, err)
		}
		if err := h.stop(); err != nil {
			t.Error(err)
		}
	})
}

// Metrics are text, whole and with a length, not JSON.
func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestServer(t, &backend{})
		resp, err := h.httpClient(t).Get("http://regent/metrics")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || string(body) != "regent_health 1\n" || resp.ContentLength != int64(len(body)) {
			t.Errorf("GET /metrics = %s, length %d, %q, %v", resp.Status, resp.ContentLength, body, err)
		}
		if got, want := resp.Header.Get("Content-Type"), api.MetricsType; got != want {
			t.Errorf("Content-Type = %q, want %q", got, want)
		}
		if text, err := h.client(t).Metrics(t.Context()); err != nil || text != string(body) {
			t.Errorf("Metrics = %q, %v", text, err)
		}
		if err := h.stop(); err != nil {
			t.Error(err)
		}
	})
}
