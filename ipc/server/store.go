package server

import (
	"context"
	"net/http"

	"regent/agent"
	"regent/ipc/api"
)

// StoreManager tells how the store is, and does with it what only a person may decide.
// Errors are faults; any other is a defect.
type StoreManager interface {
	StoreStatus(ctx context.Context, by agent.Caller) (api.Store, error)
	RunStoreOperation(ctx context.Context, by agent.Caller, verb string, really bool) (api.Store, error)
	Unregister(ctx context.Context, by agent.Caller) (api.Store, error)
}

func (s *Server) store(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	return storeReply(s.StoreManager.StoreStatus(r.Context(), by))
}

func (s *Server) storeVerb(w http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	var q api.StoreRequest
	if err := s.readBody(w, r, &q); err != nil {
		return nil, err
	}
	return storeReply(s.StoreManager.RunStoreOperation(r.Context(), by, r.PathValue("verb"), q.Confirmed))
}

func (s *Server) unregister(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	return storeReply(s.StoreManager.Unregister(r.Context(), by))
}

// storeReply is a reply, or the error instead of it.
func storeReply(reply api.Store, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if reply.Damaged == nil {
		reply.Damaged = []api.StoreDamage{} // a list on the wire, never null
	}
	return &reply, nil
}
