package agent

import (
	"context"
	"errors"

	"regent/agent/instance"
)

// WipedToken is an auth token that this device gave up. The service still has it.
type WipedToken struct {
	ID          instance.ID
	AuthTokenID string
	Identifier  string // as the Contact Administrator sees it
}

// Unregister wipes every registration token and every auth token from this
// device, and returns what the Contact Administrator can delete: the service has
// no call for a device to do so. What is left of the store is the caller's to
// forget. Administrators only.
func (a *Agent) Unregister(ctx context.Context, by Caller) ([]WipedToken, error) {
	var wiped []WipedToken
	err := a.administer(ctx, by, "unregister", "", func() error {
		// 1. What could buy new ones.
		for _, h := range a.registrations.List() {
			if err := a.registrations.Delete(ctx, h); err != nil {
				return err
			}
		}
		// 2. What was bought. One that cannot be wiped does not keep the others.
		var failed []error
		for _, r := range a.tokens.List() {
			wiped = append(wiped, WipedToken{ID: r.ID, AuthTokenID: r.AuthTokenID, Identifier: r.Identifier})
			failed = append(failed, a.redeem.Forget(ctx, r.ID, by.name()))
		}
		return errors.Join(failed...)
	})
	return wiped, err
}
