package redeem_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/timing"
	"regent/agent/tms"
	"regent/agent/token"

	"regent/agent/tokenstore"
)

// answer is what the service does with one POST. The zero value grants it.
type answer struct {
	err    error
	counts bool // a count is used although err comes back
	silent bool // the reply shows nothing of the request
	takes  time.Duration
	during func() // called while the POST is under way
}

// service is the token service of a test: it answers by script, then grants,
// and counts. It is safe for concurrent use.
type service struct {
	mu       sync.Mutex
	script   []answer
	dialect  func(tms.Request) answer // when the script is at its end; nil grants
	discover []error                  // of the next discoveries
	met      func()                   // called at each; nil for nothing
	left     int                      // counts, below 0 for any number
	used     []string
	requests []tms.Request
	paidWith []string
}

var _ redeem.Service = (*service)(nil)

func (s *service) Discover(context.Context) (tms.Provider, error) {
	if s.met != nil {
		s.met()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.discover) > 0 {
		err := s.discover[0]
		s.discover = s.discover[1:]
		return tms.Provider{}, err
	}
	return tms.Provider{TokenEndpoint: "https://idp.example.com/auth/", Realm: "r", ClientID: "c"}, nil
}

func (s *service) Redeem(ctx context.Context, registration token.Secret, r tms.Request) (tms.AuthToken, error) {
	a := s.next(registration, r)
	select {
	case <-ctx.Done(): // a client that is cut off
		a.err, a.counts = failure(tms.Failure{Reach: tms.Lost}), true
	case <-time.After(a.takes):
	}
	if a.during != nil {
		a.during()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.err == nil && s.left == 0 {
		a.err = failure(serviceReply(400, "REGISTRATION_TOKEN_EXHAUSTED", wordsExhausted))
	}
	if a.err == nil || a.counts {
		s.left--
		s.used = append(s.used, r.Identifier)
	}
	if a.err != nil {
		return tms.AuthToken{}, a.err
	}
	return tms.AuthToken{
		ID: "id-of-" + r.Identifier, Access: token.NewSecret("SENTINEL-access-" + r.Identifier),
		Refresh: token.NewSecret("SENTINEL-refresh"), TTL: time.Hour, RefreshTTL: 24 * time.Hour,
		Echoed: !a.silent,
	}, nil
}

const wordsExhausted = "The count of the registration token is exhausted."

func (s *service) next(registration token.Secret, r tms.Request) (a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	s.paidWith = append(s.paidWith, registration.Reveal())
	if len(s.script) > 0 {
		a = s.script[0]
		s.script = s.script[1:]
	} else if s.dialect != nil {
		a = s.dialect(r)
	}
	return a
}

// answers adds to the script.
func (s *service) answers(a ...answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, a...)
}

func (s *service) posts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

// failure is a failed redemption as the client reports it.
func failure(f tms.Failure) error {
	f.Op, f.Host, f.Err = "redeem", host, errors.New("the cause")
	return &f
}

var (
	notSent       = answer{err: failure(tms.Failure{Reach: tms.NotSent})}
	lost          = answer{err: failure(tms.Failure{Reach: tms.Lost}), counts: true}
	lostUnused    = answer{err: failure(tms.Failure{Reach: tms.Lost})}
	unreadable    = answer{err: failure(tms.Failure{Reach: tms.Lost, Status: 201}), counts: true}
	documented    = answer{err: failure(serviceReply(500, "INTERNAL_ERROR", wordsOf500)), counts: true}
	documentedNot = answer{err: failure(serviceReply(500, "INTERNAL_ERROR", wordsOf500))}
	tooMany       = answer{err: failure(withRetryAfter(statusReply(429), time.Minute))}
	busy          = answer{err: failure(withRetryAfter(serviceReply(503, "BUSY", "busy"), time.Minute)), counts: true}
	portal        = answer{err: failure(statusReply(511))}
	tooLate       = answer{err: failure(serviceReply(400, "REGISTRATION_TOKEN_EXPIRED", "The registration token has expired."))}
	switchedOff   = answer{err: failure(serviceReply(403, "", "The registration token is disabled."))}
	noSuch        = answer{err: failure(serviceReply(403, "", "No such token."))}
)

// harness is a device of the test: its disk, its clock, its configuration, and the
// service it speaks to. Its engines are started and stopped over it.
type harness struct {
	*testing.T
	*ledgerFixture
	service *service
	probe   atomic.Pointer[error] // what proving the store writable returns

	mu      sync.Mutex
	plan    redeem.Plan
	ids     int
	looks   int // at the plan
	gates   int // how often the tenant's gate was asked
	draws   int
	draw    float64
	changes []string
	skew    time.Duration // the service's clock less the device's, as last seen
	log     bytes.Buffer

	engine *redeem.Engine
	ledger *redeem.Ledger
	vault  *tokenstore.Store
	taught *tokenstore.TenantCapabilities
	regs   *redeem.Registrations
	end    func() // of the engine
}

func newHarness(t *testing.T, instances int) *harness {
	b := &harness{T: t, ledgerFixture: newLedgerFixture(t), service: &service{left: -1}, draw: 0.5}
	b.sync = func(*os.File) error { return nil } // the power never goes here, and a sync takes most of the time
	b.plan = redeem.Plan{UncertainRetries: 1, Splay: 2 * time.Second}
	for n := range instances {
		b.plan.Targets = append(b.plan.Targets, b.want(n+1))
	}
	t.Cleanup(func() {
		if b.end != nil {
			b.stop()
		}
	})
	return b
}

func (b *harness) id(n int) token.Instance {
	id := one
	id.Number = n
	return id
}

func (b *harness) idsOf(numbers []int) (ids []token.Instance) {
	for _, n := range numbers {
		ids = append(ids, b.id(n))
	}
	return ids
}

func (b *harness) want(n int) redeem.Target {
	return redeem.Target{ID: b.id(n), BaseURL: "https://" + host}
}

// start opens what is on the disk and runs an engine over it.
func (b *harness) start() {
	b.Helper()
	b.load()
	b.run()
}

// run runs the engine that was made.
func (b *harness) run() {
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer b.recoverCrash()
		b.engine.Run(ctx)
	}()
	b.end = func() { cancel(); <-done }
}

// load opens what is on the disk.
func (b *harness) load() {
	b.Helper()
	b.ledger = b.open(b.T)
	var err, errRegs, errTaught error
	b.vault, err = tokenstore.Open(b.Context(), b.store)
	b.regs, errRegs = redeem.OpenRegistrations(b.Context(), b.store)
	b.taught, errTaught = tokenstore.OpenTenantCapabilities(b.Context(), b.store)
	if err := errors.Join(err, errRegs, errTaught); err != nil {
		b.Fatal(err)
	}
	b.engine = redeem.NewEngine(b.Context(), b.options())
}

func (b *harness) options() redeem.Options {
	return redeem.Options{
		Loop: tokenstore.Loop{
			Tokens: b.vault, Capabilities: b.taught, Signal: timing.NewSignal(),
			Pauses: timing.NewPauses(b.clock, b.random, func(string) (time.Duration, bool) { b.mu.Lock(); defer b.mu.Unlock(); b.gates++; return 0, false }, timing.NewLocalFailures(b.clock)),
			Skew:   func(string) time.Duration { b.mu.Lock(); defer b.mu.Unlock(); return b.skew },
			Clock:  b.clock, Random: b.random, Changed: b.changed,
			Log: slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		},
		Probe: b.probeStore, Ledger: b.ledger, Registrations: b.regs, NewID: b.newID,
		Service: func(string) (redeem.Service, error) { return b.service, nil },
		Plan:    b.currentPlan,
		Request: func(id token.Instance) tms.Request {
			return tms.Request{FQDN: "ws", RefID1: id.String(), RefID2: "device-1"}
		},
	}
}

func (b *harness) currentPlan() redeem.Plan {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks++
	return b.plan
}

func (b *harness) probeStore(context.Context) error {
	if err := b.probe.Load(); err != nil {
		return *err
	}
	return nil
}

// observeSkew is what the device learns of the service's clock.
func (b *harness) observeSkew(skew time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.skew = skew
}

func (b *harness) random() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.draws++
	return b.draw
}

func (b *harness) randomCalls() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.draws
}

func (b *harness) newID() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ids++
	return fmt.Sprintf("regent-%d", b.ids)
}

func (b *harness) changed(_ context.Context, id token.Instance, from, to token.State, cause fault.Kind) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changes = append(b.changes, strings.TrimSpace(fmt.Sprintf("%s %s>%s %s", id, from, to, cause)))
}

// errInterrupted is the panic that ends an engine where it stands, as a power cut does.
var errInterrupted = errors.New("crash")

func (b *harness) recoverCrash() {
	if r := recover(); r != nil && r != any(errInterrupted) {
		panic(r)
	}
}

// stop ends the engine in order.
func (b *harness) stop() {
	b.Helper()
	b.end()
	b.end = nil
	b.ledger.Close()
}

// restart stops the engine and starts the next one over the same disk.
func (b *harness) restart() {
	b.Helper()
	b.stop()
	b.start()
}

// advance lets time pass, and what is then under way come to its end.
func (b *harness) advance(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// register gives the tenant's registration token to the engine.
func (b *harness) register(secret string) (kept bool) {
	b.Helper()
	kept, err := b.engine.Register(b.Context(), redeem.RegistrationToken{Scope: redeem.Scope{Tenant: host}, Token: token.NewSecret(secret), Source: "test"})
	if err != nil {
		b.Fatal(err)
	}
	return kept
}

// ask is a person who decides to spend another count.
func (b *harness) ask(n int) {
	b.Helper()
	if err := b.engine.RequestRedeem(b.Context(), b.id(n), "root"); err != nil {
		b.Fatal(err)
	}
}

const registration = "SENTINEL-registration"

func (b *harness) wantPosts(want int) {
	b.Helper()
	if got := b.service.posts(); got != want {
		b.Errorf("got %d POSTs, want %d", got, want)
	}
}

func (b *harness) wantStates(want ...token.State) {
	b.Helper()
	for i, want := range want {
		if got := b.engine.State(b.id(i + 1)); got != want {
			b.Errorf("%s: got state %s, want %s", b.id(i+1), got, want)
		}
	}
}

// wantReason says what the callers of an instance are told.
func (b *harness) wantReason(n int, kind fault.Kind, texts ...string) {
	b.Helper()
	f, _ := b.engine.Reason(b.id(n))
	if f.Kind != kind {
		b.Errorf("%s: got reason %s, want %s", b.id(n), f.Kind, kind)
	}
	if kind.NeedsPerson() && f.Retry != 0 {
		b.Errorf("%s: %s is said to be tried again in %s", b.id(n), kind, f.Retry)
	}
	for _, text := range texts {
		if !strings.Contains(f.Text(), text) {
			b.Errorf("%s: got text %q, want %q in it", b.id(n), f.Text(), text)
		}
	}
}

// wantHeld says whether a registration token is held, in memory and sealed.
func (b *harness) wantHeld(want bool) {
	b.Helper()
	_, got := b.regs.ForScope(redeem.Scope{Tenant: host, Application: "cad"})
	names, err := b.store.List(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if sealed := slices.Contains(names, "registration/"+host); got != want || sealed != want {
		b.Errorf("a registration token is held: in memory %t, sealed %t, want %t", got, sealed, want)
	}
}

// kinds lists the kinds of an instance's entries.
func (b *harness) kinds(n int) (kinds []redeem.Kind) {
	for _, e := range b.ledger.Entries() {
		if e.Instance == b.id(n).String() {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}

// audit compares the books: of the counts that the service used, each is
// confirmed or in doubt; each that is confirmed was used, and its auth token is
// held; each POST had an identifier of its own; no secret is in the ledger or the
// log; and the engine's accounts are the ledger's.
func (b *harness) audit() {
	b.Helper()
	if err := b.ledger.Verify(); err != nil {
		b.Errorf("Verify: %v", err)
	}
	confirmed, doubtful := map[string]bool{}, map[string]bool{}
	for id, a := range redeem.BuildAccounts(b.ledger.Entries()) {
		if diff := cmp.Diff(b.engine.Account(id), a, cmpopts.EquateEmpty()); diff != "" { // which follows it line by line
			b.Errorf("the account of %s, -the engine's +the ledger's:\n%s", id, diff)
		}
		for _, e := range slices.Concat(a.Open, a.Uncertain) {
			doubtful[e.ID] = true
		}
	}
	for _, e := range b.ledger.Entries() {
		if e.Kind == redeem.Confirmed {
			confirmed[e.ID] = true
		}
		if e.Kind == redeem.Resolved && e.Consumed {
			doubtful[e.ID] = true // no more, as a person found
		}
	}
	for _, id := range b.service.used {
		if !confirmed[id] && !doubtful[id] {
			b.Errorf("%s used a count, and the ledger does not know", id)
		}
	}
	for id := range confirmed {
		if !slices.Contains(b.service.used, id) {
			b.Errorf("%s is confirmed, and no count was used", id)
		}
	}
	sent := map[string]bool{}
	for _, r := range b.service.requests {
		if sent[r.Identifier] {
			b.Errorf("identifier %s was sent twice", r.Identifier)
		}
		sent[r.Identifier] = true
	}
	b.auditVault(confirmed)
	if text := b.log.String() + string(b.bytes(b.T)); strings.Contains(text, "SENTINEL") {
		b.Errorf("a secret is in the ledger or in the log:\n%s", text)
	}
}

// auditVault says that the newest confirmed auth token of each instance is held.
func (b *harness) auditVault(confirmed map[string]bool) {
	b.Helper()
	newest := map[string]string{}
	for _, e := range b.ledger.Entries() {
		if e.Kind == redeem.Confirmed {
			newest[e.Instance] = e.ID
		}
	}
	for _, r := range b.vault.List() {
		if newest[r.ID.String()] == r.Intent {
			delete(newest, r.ID.String())
		} else {
			b.Errorf("%s holds %s, confirmed %t, which is not the newest that is confirmed", r.ID, r.Intent, confirmed[r.Intent])
		}
	}
	if len(newest) > 0 {
		b.Errorf("confirmed and not held: %v", newest)
	}
}

// setState puts an auth token that is held into a state, as refreshing does.
func (b *harness) setState(n int, s token.State) {
	b.Helper()
	r, ok := b.vault.Get(b.id(n))
	if !ok {
		b.Fatalf("%s holds none", b.id(n))
	}
	if _, err := b.vault.Update(b.Context(), r, func(r *tokenstore.Record) { r.State = s }); err != nil {
		b.Fatal(err)
	}
	b.engine.Kick()
}

func secret(s string) token.Secret { return token.NewSecret(s) }
