package agent

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"regent/agent/policy"
	"regent/agent/token"
)

// Event says what an instance is now. It holds no secret: who wants the new
// token asks for it.
type Event struct {
	Instance   token.Instance
	State      token.State
	Generation uint64
}

// hub tells watchers of changes. It waits for none of them. The zero value is
// empty. It is safe for concurrent use.
type hub struct {
	mu    sync.Mutex
	feeds map[feedKey]*feed
}

// feedKey names an application of a tenant.
type feedKey struct{ host, application string }

// feed is what changed in one application since somebody watches it. All its
// watchers share it, so that one who does not read costs one number and no copy.
type feed struct {
	watchers map[*watcher]struct{}
	changes  map[token.Instance]uint64 // the number of the last change of each instance
	count    uint64                    // changes so far
}

func (h *hub) add(w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.feeds[w.key]
	if f == nil {
		f = &feed{watchers: map[*watcher]struct{}{}, changes: map[token.Instance]uint64{}}
		if h.feeds == nil {
			h.feeds = map[feedKey]*feed{}
		}
		h.feeds[w.key] = f
	}
	f.watchers[w] = struct{}{}
	w.seen = f.count
}

func (h *hub) remove(w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.feeds[w.key]
	delete(f.watchers, w)
	if len(f.watchers) == 0 {
		delete(h.feeds, w.key)
	}
}

// publish tells whoever watches it that id has changed.
func (h *hub) publish(id token.Instance) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.feeds[feedKey{id.Tenant, id.Application}]
	if f == nil {
		return
	}
	f.count++
	f.changes[id] = f.count
	for w := range f.watchers {
		w.wake()
	}
}

// since returns what changed after w looked last, the oldest change first.
func (h *hub) since(w *watcher) []token.Instance {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.feeds[w.key]
	if f == nil {
		return nil // the watch has ended
	}
	var ids []token.Instance
	for id, number := range f.changes {
		if number > w.seen {
			ids = append(ids, id)
		}
	}
	w.seen = f.count
	slices.SortFunc(ids, func(a, b token.Instance) int { return cmp.Compare(f.changes[a], f.changes[b]) })
	return ids
}

// watcher tells one caller of changes: the newest event of each instance, however
// long the caller takes. It ends with the context that it was made with, and
// holds nothing after that. It is for one goroutine.
type watcher struct {
	agent *Agent
	by    Caller
	key   feedKey
	app   policy.Application
	more  chan struct{} // receives when there is something to tell

	initial int    // instances that were told as they are; the others are to be told
	seen    uint64 // changes that were told; guarded by the hub
}

// watchBatch is how many instances a watcher is told of at a time when the watch
// begins: a client takes them in before the next ones are looked up.
const watchBatch = 256

func (w *watcher) wake() {
	select {
	case w.more <- struct{}{}:
	default: // it has been told that there is something
	}
}

// next is what [Agent.Watch] returns.
func (w *watcher) next(ctx context.Context) ([]Event, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-w.more:
		}
		if _, _, err := w.agent.admit(w.by, w.app.ID); err != nil {
			return nil, err
		}
		if err := w.by.Verify("watch"); err != nil {
			return nil, err
		}
		if events := w.take(); len(events) > 0 {
			return events, nil
		}
	}
}

func (w *watcher) take() []Event {
	var events []Event
	for ; w.initial < w.app.Instances && len(events) < watchBatch; w.initial++ {
		events = append(events, w.agent.event(instanceID(w.app, w.initial+1)))
	}
	if events != nil {
		w.wake() // for the rest, or for what has changed meanwhile
		return events
	}
	for _, id := range w.agent.hub.since(w) {
		events = append(events, w.agent.event(id))
	}
	return events
}

// Watch tells a caller that the application's rules admit of every change of
// its instances: of their states, and of new tokens. What they are now comes
// first. The watch ends with ctx, which is to be cancelled.
//
// next waits for changes and returns them, one for each instance, in the order of the
// changes. Its error is its context's, or a fault when the caller is not allowed to watch
// any more. It is for one goroutine.
func (a *Agent) Watch(ctx context.Context, by Caller, application string) (next func(context.Context) ([]Event, error), err error) {
	app, decision, err := a.admit(by, application)
	if err == nil {
		err = by.Verify("watch")
	}
	if err = a.audit(ctx, by, "watch", application, decision, err); err != nil {
		return nil, err
	}
	w := &watcher{agent: a, by: by, key: feedKey{token.TenantHost(app.Tenant), app.ID}, app: app, more: make(chan struct{}, 1)}
	a.hub.add(w)
	context.AfterFunc(ctx, func() { a.hub.remove(w) })
	w.wake()
	return w.next, nil
}

// event says what id is now.
func (a *Agent) event(id token.Instance) Event {
	if a.d.Unusable != nil {
		return Event{Instance: id, State: token.Unredeemed}
	}
	r, held := a.tokens.Get(id)
	return Event{Instance: id, State: a.stateNow(id, r, held), Generation: r.Generation}
}
