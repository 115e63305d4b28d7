package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"regent/agent"
	"regent/agent/token"
	"regent/ipc/api"
)

func (s *Server) invalidate(w http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	application, number, err := pathInstance(r)
	if err != nil {
		return nil, err
	}
	var q api.InvalidateRequest
	if r.ContentLength != 0 {
		if err := s.readBody(w, r, &q); err != nil {
			return nil, err
		}
	}
	return nil, s.Agent.Invalidate(r.Context(), by, application, number, q.Generation)
}

// streamReply is a reply without an end. It writes until its client disconnects, loses its
// permission, or the server stops.
type streamReply func(ctx context.Context, w http.ResponseWriter) error

// queryApplication returns the application that the query names.
func queryApplication(r *http.Request) (string, error) {
	application := r.URL.Query().Get("application")
	if application == "" {
		return "", invalidField("application", "it is missing")
	}
	if err := token.CheckApplication(application); err != nil {
		return "", invalidField("application", err.Error())
	}
	return application, nil
}

func (s *Server) watch(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	application, err := queryApplication(r)
	if err != nil {
		return nil, err
	}
	next, err := s.Agent.Watch(r.Context(), by, application)
	if err != nil {
		return nil, err
	}
	return streamReply(func(ctx context.Context, w http.ResponseWriter) error {
		for {
			events, err := next(ctx)
			if err != nil {
				return err
			}
			if err := s.send(ctx, w, r, events); err != nil {
				return err
			}
		}
	}), nil
}

// send writes and flushes events. A client that does not read in time loses its stream.
// After many events the next ones wait for credit. A few events never wait.
func (s *Server) send(ctx context.Context, w http.ResponseWriter, r *http.Request, events []agent.Event) error {
	b := s.getBuffer()
	defer s.putBuffer(b)
	for _, e := range events {
		data, err := json.Marshal(api.Event{Instance: e.Instance.String(), State: string(e.State), Generation: e.Generation})
		if err != nil {
			return err
		}
		b.WriteString("event: " + api.EventName + "\ndata: ")
		b.Write(append(data, '\n', '\n'))
	}
	account, size := accountOf(r), b.Len()
	if wait := s.accounts.retryDelay(account); wait > 0 && size > replyBufferSize {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.accounts.reserveReply(account, size, true)
	defer s.accounts.releaseReply(account, size)
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(s.Now().Add(writeTimeout)) // no error without deadlines
	if _, err := w.Write(b.Bytes()); err != nil {
		return err
	}
	return rc.Flush()
}

// stream writes a reply without an end.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, write streamReply) {
	abandonBody(w, r)
	h := w.Header()
	h["Content-Type"] = []string{api.EventType}
	h["Connection"] = []string{"close"} // nothing follows a stream
	w.WriteHeader(http.StatusOK)
	if http.NewResponseController(w).Flush() != nil {
		return // the caller disconnected before its answer
	}
	ctx, stop := context.WithCancel(r.Context())
	defer stop()
	if ending, ok := ctx.Value(shutdownKey{}).(context.Context); ok {
		defer context.AfterFunc(ending, stop)() // shutdown does not wait for a stream
	}
	if err := write(ctx, w); err != nil && !errors.Is(err, context.Canceled) {
		s.Log.DebugContext(ctx, "a watch ended", "err", err)
	}
}

// shutdownKey is the key of the context that is done when the server shuts down.
type shutdownKey struct{}

func (s *Server) explain(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	q := r.URL.Query()
	pid, err := strconv.Atoi(q.Get("pid"))
	if err != nil || pid <= 0 {
		return nil, invalidField("pid", "it must be the number of a process")
	}
	application, err := queryApplication(r)
	if err != nil {
		return nil, err
	}
	var unit string
	var held IdentifiedCaller
	defer func() {
		if held != nil {
			_ = held.Close() // only read
		}
	}()
	got, err := s.Agent.Explain(r.Context(), by, application, func() (agent.Caller, error) {
		who, err := s.IdentifyPID(pid)
		if err != nil {
			return agent.Caller{}, err
		}
		held = who
		c := who.Caller()
		if c.Evidence != nil {
			if units, err := c.Evidence.Units(); err == nil { // no unit without evidence
				unit = units[0]
			}
		}
		return c, nil
	})
	if err != nil {
		return nil, err
	}
	c := got.Caller
	return &api.Explanation{
		Application: got.Application, PID: c.PID, UID: c.UID, User: c.User, Groups: c.GIDs, Exe: c.Exe, Unit: unit,
		Allow: got.Decision.Allow, Rule: got.Decision.Rule, Reason: got.Decision.Reason,
	}, nil
}
