package refresh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/store"
	"regent/agent/store/storetest"
	"regent/agent/timing"
	"regent/agent/timing/timingtest"
	"regent/agent/tms"
	"regent/agent/token"

	"regent/agent/tokenstore"
)

// provider is an identity provider with its rules for refresh tokens, and trouble
// on the way to it. It is safe for concurrent use.
type provider struct {
	rotates bool
	grace   time.Duration // how long the refresh token before is taken once more

	mu       sync.Mutex
	trouble  []string // of the next requests; then none
	current  string
	before   string
	since    time.Time // when current was issued
	issued   int
	killed   bool // a refresh token was used twice
	revoked  bool // by an administrator
	unheard  bool // an answer that it gave cannot have been kept by the device
	requests int
}

// The troubles, and for each whether the provider sees the request, and what the
// device gets instead of its answer.
var networkFaults = map[string]struct {
	seen bool
	gets *tms.Failure
}{
	"reply lost":       {true, lostFailure()},
	"request lost":     {false, lostFailure()},
	"500 after commit": {true, statusFailure(500, "", "")},
	"502 before it":    {false, statusFailure(502, "", "")},
	"offline":          {false, offlineFailure()},
	"throttled":        {false, withRetryAfter(statusFailure(429, "", ""), time.Minute)},
	"portal":           {false, statusFailure(403, "", "")},
	"none":             {true, nil},
}

// Refresh implements [Service].
func (p *provider) Refresh(_ context.Context, r tms.RefreshRequest) (tms.AuthToken, error) {
	time.Sleep(5 * time.Second)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
	met := networkFaults["none"]
	if len(p.trouble) > 0 {
		met = networkFaults[p.trouble[0]]
		p.trouble = p.trouble[1:]
	}
	var t tms.AuthToken
	var refused *tms.Failure
	if met.seen {
		t, refused = p.grant(r.Refresh.Reveal())
	}
	switch {
	case met.gets != nil:
		p.unheard = p.unheard || met.seen
		gets := *met.gets
		return tms.AuthToken{}, &gets
	case refused != nil:
		return tms.AuthToken{}, refused
	}
	return t, nil
}

// grant is the provider's own rule. The caller holds mu.
func (p *provider) grant(sent string) (tms.AuthToken, *tms.Failure) {
	again := sent == p.before && time.Since(p.since) <= p.grace
	if p.rotates && sent != p.current && !again {
		p.killed = true
	}
	if p.killed || p.revoked {
		return tms.AuthToken{}, invalidGrantFailure()
	}
	p.issued++
	t := tms.AuthToken{Access: token.NewSecret(fmt.Sprintf("access-%d", p.issued)), TTL: time.Hour}
	if p.rotates {
		p.before, p.current, p.since = sent, fmt.Sprintf("refresh-%d", p.issued), time.Now()
		t.Refresh = token.NewSecret(p.current)
	}
	return t, nil
}

// faultyStore is a disk that takes nothing while it is told so, or takes it and says
// that it did not.
type faultyStore struct {
	storetest.Memory
	mu   sync.Mutex
	full string // "", "before" or "after" it took effect, "now and then"
	puts int
}

func (f *faultyStore) set(full string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.full = full
}

// Put implements [store.Store].
func (f *faultyStore) Put(ctx context.Context, name string, value []byte, was store.Version) (store.Version, error) {
	f.mu.Lock()
	full := f.full
	f.puts++
	odd := f.puts%2 == 1
	f.mu.Unlock()
	if full == "before" || full == "now and then" && odd {
		return 0, errors.New("no space left on device")
	}
	v, err := f.Memory.Put(ctx, name, value, was)
	if full == "after" && err == nil {
		return 0, errors.New("the directory cannot be synced")
	}
	return v, err
}

// laptop is a device over its restarts.
type laptop struct {
	*testing.T
	clock    *timingtest.Clock
	disk     *faultyStore
	provider *provider
	vault    *tokenstore.Store
	engine   *Engine
	stop     func()
	boots    int
	mode     string // as a bench has it
}

func (l *laptop) start() {
	v, err := tokenstore.Open(l.Context(), l.disk)
	if err != nil {
		l.Fatal(err)
	}
	l.vault = v
	l.engine = NewEngine(Options{
		Loop: tokenstore.Loop{
			Tokens: v, Capabilities: openCapabilities(l.T, l.disk, l.mode), Signal: timing.NewSignal(),
			Clock: l.clock, Random: func() float64 { return 0.5 }, Skew: func(string) time.Duration { return 0 },
			Pauses:  timing.NewPauses(l.clock, func() float64 { return 0.5 }, func(string) (time.Duration, bool) { return 0, false }, timing.NewLocalFailures(l.clock)),
			Log:     slog.New(slog.DiscardHandler),
			Changed: func(context.Context, token.Instance, token.State, token.State, fault.Kind) {},
		},
		Mode: func() string { return cmp.Or(l.mode, tms.ModeOIDC) }, Service: func(string) (Service, error) { return l.provider, nil },
		Limits: func() policy.Limits { return policy.Limits{RefreshFloor: 5 * time.Second, RefreshRate: 10} },
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(l.Context()))
	var running sync.WaitGroup
	running.Go(func() { l.engine.Run(ctx) })
	l.stop = func() {
		cancel()
		running.Wait()
	}
}

// The moves that may happen to a laptop.
var laptopEvents = map[string]func(*laptop){
	"seconds": func(*laptop) { time.Sleep(3 * time.Second) },
	"minutes": func(*laptop) { time.Sleep(17 * time.Minute) },
	"hours":   func(*laptop) { time.Sleep(2 * time.Hour) },
	"asleep":  func(l *laptop) { l.clock.Suspend(3 * time.Hour); time.Sleep(time.Minute) },
	"ahead":   func(l *laptop) { l.clock.SetWall(24 * time.Hour) },
	"back":    func(l *laptop) { l.clock.SetWall(-24 * time.Hour) },
	"forced":  func(l *laptop) { _, _ = l.engine.Force(one) },
	"full":    func(l *laptop) { l.disk.set("before") },
	"late":    func(l *laptop) { l.disk.set("after") },
	"room":    func(l *laptop) { l.disk.set("") },
	"stopped": func(l *laptop) {
		l.disk.set("")
		l.stop()
		l.start()
	},
	"killed":               (*laptop).restart,
	"killed while it asks": func(l *laptop) { l.ask(); l.restart() },
	"full while it asks":   func(l *laptop) { l.ask(); l.disk.set("before"); time.Sleep(time.Minute) },
	"killed, and the disk is bad": func(l *laptop) {
		l.ask()
		l.restart()
		l.disk.set("now and then")
		time.Sleep(time.Minute)
	},
	"without room": func(l *laptop) {
		l.disk.set("before")
		time.Sleep(time.Minute)
		l.disk.set("")
	},
	"rebooted": func(l *laptop) {
		l.boots++
		l.clock.Reboot(fmt.Sprintf("boot-%d", l.boots+1), time.Minute)
		l.restart()
	},
	"revoked": func(l *laptop) {
		l.provider.mu.Lock()
		defer l.provider.mu.Unlock()
		l.provider.revoked = true
	},
}

// ask has a refresh under way.
func (l *laptop) ask() {
	l.disk.set("")
	_, _ = l.engine.Force(one)
	time.Sleep(2 * time.Second)
}

// restart ends the process, and what is in memory with it, and starts the next.
func (l *laptop) restart() {
	l.provider.mu.Lock()
	l.provider.unheard = true
	l.provider.mu.Unlock()
	l.disk.set("before")
	l.stop()
	l.start()
	l.disk.set("")
}

// TestEngineProperty: whatever the way to the provider, the disk, the clock and
// the process suffer, an auth token that the provider still honours is never
// given up, and one that it took back is called what it is: revoked by an
// administrator, or lost to an answer that never came. An answer that did come is
// kept: no refresh token is sent after one that replaced it.
func TestEngineProperty(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := &provider{rotates: rapid.Bool().Draw(r, "rotates"), current: "refresh"}
		p.grace = time.Duration(rapid.SampledFrom([]int{0, 30}).Draw(r, "grace")) * time.Second
		p.trouble = rapid.SliceOfN(rapid.SampledFrom(slices.Sorted(maps.Keys(networkFaults))), 0, 8).Draw(r, "trouble")
		steps := rapid.SliceOfN(rapid.SampledFrom(slices.Sorted(maps.Keys(laptopEvents))), 0, 12).Draw(r, "steps")
		failure := ""
		synctest.Test(t, func(t *testing.T) {
			l := &laptop{T: t, clock: timingtest.New(), disk: &faultyStore{}, provider: p}
			l.enrol()
			l.start()
			for _, step := range steps {
				laptopEvents[step](l)
			}
			l.disk.set("")
			time.Sleep(6 * time.Hour) // with nothing wrong any more, but what the script still holds
			synctest.Wait()
			failure = l.judge()
			l.stop()
		})
		if failure != "" {
			r.Fatal(failure)
		}
	})
}

// enrol gives the laptop an auth token.
func (l *laptop) enrol() {
	v, err := tokenstore.Open(l.Context(), l.disk)
	if err != nil {
		l.Fatal(err)
	}
	err = v.Create(l.Context(), tokenstore.Record{
		ID: one, Intent: "intent-1", State: token.Live, Generation: 1, Jitter: 0.5,
		Access: token.NewSecret("access"), AccessLife: tokenstore.NewLifetime(l.clock, time.Hour), Refresh: token.NewSecret("refresh"),
	})
	if err != nil {
		l.Fatal(err)
	}
}

// judge says what is wrong with how it ended, or nothing.
func (l *laptop) judge() string {
	l.provider.mu.Lock()
	defer l.provider.mu.Unlock()
	r, ok := l.vault.Get(one)
	var want []token.State
	switch {
	case l.provider.revoked:
		want = []token.State{token.Revoked, token.RefreshLost} // lost, if an answer was missing then
	case l.provider.killed && l.provider.unheard:
		want = []token.State{token.RefreshLost}
	default:
		want = []token.State{token.Live}
	}
	if !ok || !slices.Contains(want, r.State) {
		return fmt.Sprintf("it ends %s with %+v, want one of %v; the provider had %d requests", r.State, r.Attempt, want, l.provider.requests)
	}
	return ""
}
