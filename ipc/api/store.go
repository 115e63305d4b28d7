package api

import "regent/agent/status"

// Store is the answer to GET [PathStore], POST [PathStoreVerb] and DELETE
// [PathRegistration]: how the store is, and what a verb would do or did.
type Store = status.StoreReport

// StoreDamage is a record that cannot be read.
type StoreDamage = status.StoreDamage

// StoreStep is one rehearsal of a drill.
type StoreStep = status.StoreStep

// StoreOperation is the end of something that was begun.
type StoreOperation = status.StoreOperation

// WipedToken is an auth token that this device gave up.
type WipedToken = status.WipedToken

// StoreRequest is the body of POST [PathStoreVerb].
type StoreRequest struct {
	Confirmed bool `json:"really,omitempty"` // else only what it would do is told
}
