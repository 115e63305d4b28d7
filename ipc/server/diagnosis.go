package server

import (
	"net/http"

	"regent/agent"
	"regent/agent/status"
)

// metricsText is a reply that is text and not JSON.
type metricsText string

func (s *Server) diagnosis(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	d, err := s.Diagnose(r.Context(), by)
	if err != nil {
		return nil, err
	}
	d.Status = status.Status{}
	st, err := s.statusOf(r.Context(), by) // what was looked at is in it
	if err != nil {
		return nil, err
	}
	whole, err := embedStatus(&d, st)
	if err != nil {
		return nil, err
	}
	return append(whole, newline), nil
}

func (s *Server) metrics(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	text, err := s.Metrics(r.Context(), by)
	if err != nil {
		return nil, err
	}
	return metricsText(text), nil
}
