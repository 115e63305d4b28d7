package api

import "regent/agent/status"

// Store is the answer to GET [PathStore], POST [PathStoreVerb] and DELETE
// [PathRegistration]: how the store is, and what a verb would do or did.
type Store = status.StoreReport

// Parts of [Store].
type (
	StoreDamage    = status.StoreDamage
	StoreStep      = status.StoreStep
	StoreOperation = status.StoreOperation
	WipedToken     = status.WipedToken
)

// StoreRequest is the body of POST [PathStoreVerb].
type StoreRequest struct {
	Confirmed bool `json:"really,omitempty"` // else only what it would do is told
}
