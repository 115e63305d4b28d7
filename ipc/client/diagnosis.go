package client

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"regent/ipc/api"
)

// Diagnose returns the facts that only the agent sees. It looks at the tenants'
// services, so it may take a while.
func (c *Client) Diagnose(ctx context.Context) (api.Diagnosis, error) {
	return call[api.Diagnosis](ctx, c, "diagnose", http.MethodGet, api.PathDiagnosis, nil)
}

// Metrics returns the agent in Prometheus' text format. Administrators only.
func (c *Client) Metrics(ctx context.Context) (string, error) {
	const op = "metrics"
	resp, err := c.requestWithRetry(ctx, op, http.MethodGet, api.PathMetrics, nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }() // it was read to its end, or is of no use
	if resp.StatusCode != http.StatusOK {
		return "", faultOf(op, resp)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return "", fmt.Errorf("%s: %w", op, newNotReachableError(ctx, err))
	}
	return string(text), nil
}
