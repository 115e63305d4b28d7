package server

import (
	"net/http"

	"regent/agent"
)

func (s *Server) contract(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	c, err := s.Contract(r.Context(), by)
	if err != nil {
		return nil, err
	}
	return &c, nil
}
