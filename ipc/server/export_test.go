package server

import "net/http"

// ServeHTTPOnly makes net/http answer every request.
func (s *Server) ServeHTTPOnly() { s.httpOnly = true }

// OnHTTP calls f for each request that net/http answers.
func (s *Server) OnHTTP(f func()) {
	next := s.handler
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f()
		next.ServeHTTP(w, r)
	})
}
