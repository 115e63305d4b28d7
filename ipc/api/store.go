package api

import "regent/agent/status"

// Store is the answer to GET [PathStore], POST [PathStoreVerb] and DELETE
// [PathRegistration]: the state of the store, and the effect of a verb.
type Store = status.StoreReport

// StoreDamage is a record that cannot be read.
type StoreDamage = status.StoreDamage

// StoreStep is one rehearsal of a drill.
type StoreStep = status.StoreStep

// StoreOperation is the result of an operation on the store.
type StoreOperation = status.StoreOperation

// WipedToken is an auth token that this device deleted.
type WipedToken = status.WipedToken

// StoreRequest is the body of POST [PathStoreVerb].
type StoreRequest struct {
	Confirmed bool `json:"really,omitempty"` // false only returns the effect
}
