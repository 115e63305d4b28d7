package server_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"

	"regent/agent"
	"regent/agent/doctor"
	"regent/ipc/api"
)

func (b *backend) Diagnose(_ context.Context, by agent.Caller) (api.Diagnosis, error) {
	b.note(by, "diagnose")
	return doctor.Daemon{PID: 7, Ways: []doctor.Way{{Host: "demo-host.com", Step: doctor.AtDNS}}}, b.err
}

func (b *backend) Metrics(_ context.Context, by agent.Caller) (string, error) {
	b.note(by, "metrics")
	return "regent_health 1\n", b.err
}

func TestDiagnosis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, &backend{})
		d, err := h.client(t).Diagnose(t.Context())
		if err != nil || d.PID != 7 || len(d.Ways) != 1 || d.Ways[0].Step != doctor.AtDNS {
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
		h := open(t, &backend{})
		resp, err := h.plain(t).Get("http://regent/metrics")
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
