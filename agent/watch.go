package agent

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"sync"

	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/token"
)

// Event is the present state of an instance. It has no secret: a watcher requests the new
// token.
type Event struct {
	Instance   token.Instance
	State      token.State
	Generation uint64
}

// hub notifies watchers of changes, and waits for none of them. The zero value is empty.
// It is safe for concurrent use.
type hub struct {
	mu    sync.Mutex
	feeds map[feedKey]*feed
}

// feedKey names an application of a tenant.
type feedKey struct{ host, application string }

// feed has the changes of one application since its first watcher came. All its watchers
// share it, so a slow watcher costs one number and no copy.
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

// publish notifies the watchers of id that it has changed.
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

// wakeAll makes each watcher look at the new settings.
func (h *hub) wakeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.feeds {
		for w := range f.watchers {
			w.wake()
		}
	}
}

// since returns the instances that changed after the last call for w, oldest change first.
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

// watcher delivers changes to one caller: the newest event of each instance, even if the
// caller is slow. It ends with the context of [Agent.Watch] and then uses no memory of the
// agent. It is for one goroutine.
type watcher struct {
	agent *Agent
	by    Caller
	key   feedKey
	app   policy.Application
	more  chan struct{} // receives if there are events

	initial   int      // instances with a delivered first event
	seen      uint64   // the number of the last delivered change; guarded by the hub
	delivered []uint64 // by instance: the hash of its last delivered snapshot; 0 for none
}

// A change of snapshot is an event. Records are stored more
// often: a refresh stores its attempt, then its result.
type snapshot struct {
	Event
	intent string // differs for another auth token with the same generation
}

// hashSeed is the seed of the hashes. A hash needs 8 bytes for each instance of a watcher.
var hashSeed = maphash.MakeSeed()

// watchBatch is the number of first events in one call of next. The client reads them
// before the agent prepares the next ones.
const watchBatch = 256

func (w *watcher) wake() {
	select {
	case w.more <- struct{}{}:
	default: // a wake-up is pending
	}
}

// next is the function that [Agent.Watch] returns.
func (w *watcher) next(ctx context.Context) ([]Event, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-w.more:
		}
		app, _, err := w.agent.admit(w.by, w.app.ID)
		if fault.KindOf(err) == fault.UnknownApplication && w.by.Verify("watch") == nil {
			w.app.Instances = 0 // each instance is removed, then the watch ends
			if events := w.takeRemoved(); len(events) > 0 {
				w.wake()
				return events, nil
			}
		}
		if err != nil {
			return nil, err
		}
		w.app, w.initial = app, min(w.initial, app.Instances) // the settings may have changed
		if err := w.by.Verify("watch"); err != nil {
			return nil, err
		}
		if events := w.take(); len(events) > 0 {
			return events, nil
		}
	}
}

func (w *watcher) take() []Event {
	events := w.takeRemoved()
	for ; w.initial < w.app.Instances && len(events) < watchBatch; w.initial++ {
		events = w.appendNew(events, instanceID(w.app, w.initial+1))
	}
	if events != nil {
		w.wake() // for the other first events, or for changes in the meantime
		return events
	}
	for _, id := range w.agent.hub.since(w) {
		if id.Number <= w.app.Instances { // the refresh of a removed instance is no event
			events = w.appendNew(events, id)
		}
	}
	return events
}

// takeRemoved returns an event for each delivered instance that the settings no longer have,
// at most watchBatch of them, the highest number first. If one comes back, its state is an
// event again.
func (w *watcher) takeRemoved() (events []Event) {
	for n := len(w.delivered); n > w.app.Instances && len(events) < watchBatch; n-- {
		if w.delivered[n-1] != 0 {
			events = append(events, Event{Instance: instanceID(w.app, n), State: token.Removed})
		}
		w.delivered = w.delivered[:n-1]
	}
	return events
}

// appendNew appends the event of id, unless it is the last one that w delivered.
func (w *watcher) appendNew(events []Event, id token.Instance) []Event {
	now := w.agent.snapshot(id)
	if missing := id.Number - len(w.delivered); missing > 0 {
		w.delivered = append(w.delivered, make([]uint64, max(missing, w.app.Instances-len(w.delivered)))...)
	}
	hash, last := maphash.Comparable(hashSeed, now), &w.delivered[id.Number-1]
	if *last == hash {
		return events
	}
	*last = hash
	return append(events, now.Event)
}

// Watch delivers every new state and every new token of an application's instances. The
// allow rules must admit the caller. The present state of each instance comes first. The
// watch ends with ctx: the caller must cancel it.
//
// next waits for changes and returns them, one for each instance, in the order of the
// changes. It returns each change once. An instance that the settings add or remove is a
// change. Its error is its context's, or a fault when the caller is not allowed to watch any
// more, or when the application was removed. The removed instances come before. It is for one goroutine.
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

// snapshot returns the present state of id.
func (a *Agent) snapshot(id token.Instance) snapshot {
	if a.d.Unusable != nil {
		return snapshot{Event: Event{Instance: id, State: token.Unredeemed}}
	}
	r, held := a.tokens.Get(id)
	return snapshot{Event{Instance: id, State: a.stateNow(id, r, held), Generation: r.Generation}, r.Intent}
}
