package server

import (
	"context"
	"net/http"

	"regent/agent"
	"regent/ipc/api"
)

// Keeper tells how the store is, and does with it what only a person may decide.
// Errors are faults; any other is a defect.
type Keeper interface {
	LookAtStore(ctx context.Context, by agent.Caller) (api.Store, error)
	DoWithStore(ctx context.Context, by agent.Caller, verb string, really bool) (api.Store, error)
	Unregister(ctx context.Context, by agent.Caller) (api.Store, error)
}

func (s *Server) store(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	return answered(s.Keeper.LookAtStore(r.Context(), by))
}

func (s *Server) storeVerb(w http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	var q api.StoreRequest
	if err := s.read(w, r, &q); err != nil {
		return nil, err
	}
	return answered(s.Keeper.DoWithStore(r.Context(), by, r.PathValue("verb"), q.Really))
}

func (s *Server) unregister(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	return answered(s.Keeper.Unregister(r.Context(), by))
}

// answered is a reply, or the error instead of it.
func answered(reply api.Store, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if reply.Damaged == nil {
		reply.Damaged = []api.StoreDamage{} // a list on the wire, never null
	}
	return &reply, nil
}
