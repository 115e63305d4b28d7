package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"regent/ipc/api"
)

// Store tells how the store is. Administrators only.
func (c *Client) Store(ctx context.Context) (api.Store, error) {
	return call[api.Store](ctx, c, "store", http.MethodGet, api.PathStore, nil)
}

// RunStoreOperation tells what a verb would do with the store and what that costs; with
// really it is done. One that changes the store is only begun: the agent goes
// away for a moment, and Last of [Client.CauseStore] tells its end. Administrators
// only.
func (c *Client) RunStoreOperation(ctx context.Context, verb string, really bool) (api.Store, error) {
	path := strings.ReplaceAll(api.PathStoreVerb, "{verb}", url.PathEscape(verb))
	return call[api.Store](ctx, c, verb, http.MethodPost, path, api.StoreRequest{Confirmed: really})
}

// Unregister wipes everything from this device; the service is not told. The
// answer names what the Contact Administrator can delete. Administrators only.
func (c *Client) Unregister(ctx context.Context) (api.Store, error) {
	return call[api.Store](ctx, c, "unregister", http.MethodDelete, api.PathRegistration, nil)
}
