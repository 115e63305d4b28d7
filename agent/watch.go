package agent

import (
	"context"
	"sync"

	"regent/agent/instance"
	"regent/agent/policy"
)

// Event says what an instance is now. It holds no secret: who wants the new
// token asks for it.
type Event struct {
	Instance   instance.ID
	State      instance.State
	Generation uint64
}

// hub tells watchers of changes. It waits for none of them.
type hub struct {
	mu       sync.Mutex
	watchers map[*Watch]struct{}
}

// Watch is what one watcher has yet to be told: the newest event of each
// instance, however long the watcher takes. It is for one goroutine; Close may
// be called by any.
type Watch struct {
	of      *hub
	allowed func() error
	host    string
	app     string
	more    chan struct{} // receives when there is something to tell

	mu    sync.Mutex
	order []instance.ID
	news  map[instance.ID]Event
}

func (h *hub) add(w *Watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watchers == nil {
		h.watchers = map[*Watch]struct{}{}
	}
	h.watchers[w] = struct{}{}
}

func (h *hub) publish(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.watchers {
		w.tell(e)
	}
}

func (w *Watch) tell(e Event) {
	if e.Instance.Application != w.app || e.Instance.Tenant != w.host {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.news[e.Instance]; !ok {
		w.order = append(w.order, e.Instance)
	}
	w.news[e.Instance] = e
	select {
	case w.more <- struct{}{}:
	default: // it has been told that there is something
	}
}

// Next waits for changes and returns them, one for each instance, in the order
// in which they began. Its error is ctx's, or a fault when the caller is not
// allowed to watch any more.
func (w *Watch) Next(ctx context.Context) ([]Event, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-w.more:
		}
		if err := w.allowed(); err != nil {
			return nil, err
		}
		if events := w.take(); len(events) > 0 {
			return events, nil
		}
	}
}

func (w *Watch) take() []Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	events := make([]Event, 0, len(w.order))
	for _, id := range w.order {
		events = append(events, w.news[id])
	}
	w.order = w.order[:0]
	clear(w.news)
	return events
}

// Close ends the watch.
func (w *Watch) Close() {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	delete(w.of.watchers, w)
}

// Watch tells a caller that the application's rules admit of every change of
// its instances: of their states, and of new tokens. What they are now comes
// first. The caller closes the watch.
func (a *Agent) Watch(ctx context.Context, by Caller, application string) (*Watch, error) {
	app, decision, err := a.admit(by, application)
	if err == nil {
		err = by.denyGone("watch")
	}
	if unrecorded := a.audit(ctx, by, "watch", application, decision, err); unrecorded != nil {
		return nil, unrecorded
	}
	if err != nil {
		return nil, err
	}
	w := &Watch{
		of: &a.hub, host: policy.Host(app.Tenant), app: app.ID,
		more: make(chan struct{}, 1), news: map[instance.ID]Event{},
		allowed: func() error {
			if _, _, err := a.admit(by, application); err != nil {
				return err
			}
			return by.denyGone("watch")
		},
	}
	a.hub.add(w)
	for _, id := range instances(app) {
		w.tell(a.event(id))
	}
	return w, nil
}

// event says what id is now.
func (a *Agent) event(id instance.ID) Event {
	if a.d.Unusable != nil {
		return Event{Instance: id, State: instance.Unredeemed}
	}
	r, held := a.vault.Get(id)
	return Event{Instance: id, State: a.stateNow(id, r, held), Generation: r.Generation}
}
