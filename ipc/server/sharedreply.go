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

// Limits of what grows with the instances: a status of 10,000 takes 25 ms and has
// 2 MB. Each is made for all who wait for it, and then none for a while.
const (
	pauseFactor = 19          // times as long as making one took: a twentieth of a core
	maxPause    = time.Second // so that nobody waits for long
)

// sharedReply makes a reply for all callers of a kind. Whoever asks gets one that began
// after the question, so a change that the caller made is in it. Nothing is kept:
// a reply is in memory for as long as somebody waits for it or takes it in. It is
// safe for concurrent use.
type sharedReply struct {
	make   func(context.Context) ([]byte, error)
	now    func() time.Time
	making chan struct{} // full while one is made, or its maker rests before

	mu        sync.Mutex
	next      *pendingReply // that did not begin; nil if nobody has asked
	notBefore time.Time     // when the next may begin
}

// pendingReply is a reply that many wait for.
type pendingReply struct {
	done chan struct{}
	body []byte // once done is closed; nobody changes it
	err  error
}

func newSharedReply(now func() time.Time, of func(context.Context) ([]byte, error)) *sharedReply {
	return &sharedReply{make: of, now: now, making: make(chan struct{}, 1)}
}

// get returns a reply. One of those who wait makes it, and if that one hangs up
// before, the next one does.
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

// produce makes an edition, unless that has been done.
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
	s.next = nil // who asks from now on gets a later one
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

// statusFor returns what administrators see, or everybody.
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

// statusOf returns the status that the caller may see, in shared pieces.
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

// withHeldInstances returns a status in which some instances are shown as given. The
// name of an instance begins its object; in a string, which is quoted, the same bytes
// cannot stand. An instance that is not there is no longer configured.
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
