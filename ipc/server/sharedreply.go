package server

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"regent/agent"
	"regent/agent/fault"
	"regent/agent/status"
)

// Limits of replies that grow with the instances: a status of 10,000 takes 25 ms and has
// 2 MB. All waiting callers share one reply. Then there is a pause.
const (
	pauseFactor = 19          // times the duration of making one: a twentieth of a core
	maxPause    = time.Second // the longest wait of a caller
)

// sharedReply makes one reply for all waiting callers. A caller gets a reply that began
// after its request, so the reply has the caller's own changes. It caches nothing: a reply
// is in memory only while a caller waits for it or reads it. It is safe for concurrent
// use.
type sharedReply struct {
	make   func(context.Context) ([]byte, error)
	now    func() time.Time
	making chan struct{} // full while a reply is made, and during the pause before

	mu        sync.Mutex
	next      *pendingReply // not begun yet; nil without a caller
	notBefore time.Time     // start of the next one at the earliest
}

// pendingReply is a reply with waiting callers.
type pendingReply struct {
	done chan struct{}
	body []byte // valid after done is closed; nobody changes it
	err  error
}

func newSharedReply(now func() time.Time, of func(context.Context) ([]byte, error)) *sharedReply {
	return &sharedReply{make: of, now: now, making: make(chan struct{}, 1)}
}

// get returns a reply. One of the waiting callers makes it. If that caller disconnects
// first, the next one does.
func (s *sharedReply) get(ctx context.Context) ([]byte, error) {
	s.mu.Lock()
	if s.next == nil {
		s.next = &pendingReply{done: make(chan struct{}), err: fault.New("serve", fault.Internal, nil)}
	}
	mine := s.next
	s.mu.Unlock()
	select {
	case <-mine.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	case s.making <- struct{}{}:
		defer func() { <-s.making }()
		if err := s.produce(ctx, mine); err != nil {
			return nil, err
		}
	}
	return mine.body, mine.err
}

// produce makes a reply, unless another caller has made it.
func (s *sharedReply) produce(ctx context.Context, e *pendingReply) error {
	s.mu.Lock()
	late, rest := s.next != e, s.notBefore.Sub(s.now())
	s.mu.Unlock()
	if late {
		return nil
	}
	if rest > 0 {
		select {
		case <-time.After(rest):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	s.next = nil // later callers get a later one
	s.mu.Unlock()
	defer close(e.done)
	began := s.now()
	e.body, e.err = s.make(context.WithoutCancel(ctx))
	ended := s.now()
	s.mu.Lock()
	s.notBefore = ended.Add(min(pauseFactor*ended.Sub(began), maxPause))
	s.mu.Unlock()
	return nil
}

// newline ends each reply in JSON.
var newline = []byte("\n")

// statusFor makes the status for administrators, or for all others.
func (s *Server) statusFor(admin bool) *sharedReply {
	return newSharedReply(s.Now, func(ctx context.Context) ([]byte, error) {
		var by agent.Caller
		by.Admin = admin
		st, err := s.Agent.Status(ctx, by)
		if err != nil {
			return nil, err
		}
		return json.Marshal(st)
	})
}

// statusOf returns the status that the caller may see, in shared parts.
func (s *Server) statusOf(ctx context.Context, by agent.Caller) (replyParts, error) {
	if s.Agent.Administers(by) {
		whole, err := s.adminStatus.get(ctx)
		return replyParts{whole}, err
	}
	whole, err := s.publicStatus.get(ctx)
	if err != nil {
		return nil, err
	}
	return withHeldInstances(whole, s.Agent.LeasedInstances(ctx, by))
}

// withHeldInstances returns a status with some instances replaced. It finds an instance by
// the start of its object. The same bytes cannot be in a string, since a string has escaped
// quotes. An instance that is not found is no longer configured.
func withHeldInstances(whole []byte, held []status.Instance) (replyParts, error) {
	parts := replyParts{whole}
	for _, i := range held {
		shown, err := json.Marshal(i)
		if err != nil {
			return nil, err
		}
		begin := shown[:bytes.IndexByte(shown, ',')+1] // {"instance":"cad/1",
		for n, part := range parts {
			from := bytes.Index(part, begin)
			if from < 0 {
				continue
			}
			d := json.NewDecoder(bytes.NewReader(part[from:]))
			var object json.RawMessage
			if err := d.Decode(&object); err != nil {
				return nil, err
			}
			parts = slices.Replace(parts, n, n+1, part[:from], shown, part[from+int(d.InputOffset()):])
			break
		}
	}
	return parts, nil
}
