package client

import (
	"context"
	"net/http"

	"regent/ipc/api"
)

// Contract has the agent ask each tenant which of the undocumented forms it has,
// which costs no count and takes a while. Administrators only.
func (c *Client) Contract(ctx context.Context) (api.Contract, error) {
	return call[api.Contract](ctx, c, "contract", http.MethodGet, api.PathContract, nil)
}
