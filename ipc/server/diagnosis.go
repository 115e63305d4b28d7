package server

import (
	"net/http"

	"regent/agent"
)

// exposition is a reply that is text and not JSON.
type exposition string

func (s *Server) diagnosis(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	d, err := s.Diagnose(r.Context(), by)
	if err != nil {
		return nil, err
	}
	return &d, nil
}

func (s *Server) metrics(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	text, err := s.Metrics(r.Context(), by)
	if err != nil {
		return nil, err
	}
	return exposition(text), nil
}
