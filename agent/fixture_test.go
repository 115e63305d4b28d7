package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"regent/agent/audit"
	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/lease"
	"regent/agent/policy"
	"regent/agent/status"
	"regent/agent/store/storetest"
	"regent/agent/timing/timingtest"
	"regent/agent/tms"
	"regent/agent/token"
)

// process is a caller that lives until it is told to end.
type process struct {
	mu   sync.Mutex
	dead bool
}

func (p *process) Alive() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return errors.New("the process has exited")
	}
	return nil
}
func (p *process) Duplicate() (lease.Process, error) { return p, p.Alive() }
func (p *process) Close() error                      { return nil }
func (p *process) exit() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
}

// fakeService is the remote service: it counts, and is offline when told.
type fakeService struct {
	mu        sync.Mutex
	offline   bool
	redeemed  int
	refreshed int
	requests  []tms.Request
	refuse    *tms.Failure
	only      string // the one registration token that is not refused; "" is any

	onDiscover func()           // called before it is answered
	onRedeem   func(counts int) // called after one was used
	onRefresh  func()           // called before it is answered
}

func (s *fakeService) down() error {
	if s.offline {
		return &tms.Failure{Op: "redeem", Host: "demo-host.com", Reach: tms.NotSent, Err: errors.New("connection refused")}
	}
	return nil
}

func (s *fakeService) Discover(context.Context) (tms.Provider, error) {
	if s.onDiscover != nil {
		s.onDiscover()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return tms.Provider{TokenEndpoint: "https://demo-host.com/auth/"}, s.down()
}

func (s *fakeService) Redeem(_ context.Context, registration token.Secret, r tms.Request) (tms.AuthToken, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.only != "" && registration.Reveal() != s.only {
		return tms.AuthToken{}, &tms.Failure{Op: "redeem", Host: "demo-host.com", Reach: tms.Answered, Status: 401, ServiceShape: true, Message: "unknown"}
	}
	if s.refuse != nil {
		return tms.AuthToken{}, s.refuse
	}
	s.redeemed++
	s.requests = append(s.requests, r)
	if s.onRedeem != nil {
		s.onRedeem(s.redeemed)
	}
	return tms.AuthToken{
		Echoed: true,
		ID:     fmt.Sprint(s.redeemed), Access: token.NewSecret("access-of-" + r.RefID1), Refresh: token.NewSecret("refresh"), TTL: time.Hour,
	}, s.down()
}

func (s *fakeService) Refresh(_ context.Context, r tms.RefreshRequest) (tms.AuthToken, error) {
	if s.onRefresh != nil {
		s.onRefresh()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.down(); err != nil {
		return tms.AuthToken{}, err
	}
	s.refreshed++
	return tms.AuthToken{Access: token.NewSecret("fresh-" + r.AuthTokenID), TTL: time.Hour}, nil
}

func (s *fakeService) Diagnose(context.Context) tms.Diagnosis {
	return tms.Diagnosis{Stage: fault.StageDone}
}

func (s *fakeService) Probe(context.Context, token.Secret) tms.Probe { return tms.Probe{} }

func (s *fakeService) set(offline bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offline = offline
}

// probedStore is the fake store with a probe, as the sealed one has.
type probedStore struct{ *storetest.Memory }

func (probedStore) Probe(context.Context) error { return nil }

// memoryAudit is an audit log in memory.
type memoryAudit struct {
	mu     sync.Mutex
	events []audit.Event
	fail   error
}

func (l *memoryAudit) Record(_ context.Context, e audit.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
	return l.fail
}

// device is one machine over its restarts.
type device struct {
	*Agent
	dir      string
	clock    *timingtest.Clock
	store    probedStore
	service  *fakeService
	trail    *memoryAudit
	settings policy.Settings
	adopt    func(lease.Holder) (lease.Process, error)
	host     DeviceNames
	programs func(pid int) string
	log      *slog.Logger
	stop     func()
}

func newDevice(t testing.TB) *device {
	t.Helper()
	d := &device{dir: t.TempDir(), clock: timingtest.New(), store: probedStore{&storetest.Memory{}}, service: &fakeService{}, trail: &memoryAudit{}}
	d.adopt = func(lease.Holder) (lease.Process, error) { return nil, errors.New("the process has exited") }
	d.log = slog.New(slog.NewTextHandler(t.Output(), nil))
	d.host = DeviceNames{FQDN: "ws-1.example.com", UserName: "regent", MAC: "02:00:00:00:00:01"}
	d.settings = policy.Settings{
		Tenant: "https://demo-host.com",
		Applications: []policy.Application{
			{
				ID: "cad", Tenant: "https://demo-host.com", Instances: 2, Redeem: policy.Eager, Origin: "config.yaml:3",
				Allow: []authz.Rule{{Users: []string{"alice"}}},
			},
			{ID: "closed", Tenant: "https://demo-host.com", Instances: 1, Redeem: policy.OnDemand, Origin: "config.yaml:8"},
		},
	}
	return d
}

// boot starts the agent over what the device keeps.
func (d *device) boot(t testing.TB) {
	t.Helper()
	var ids int
	a, err := New(t.Context(), Deps{
		Version: "test", Clock: d.clock, Settings: d.settings, Store: d.store, StateDir: d.dir,
		LedgerKey: []byte("0123456789abcdef0123456789abcdef"), StoreStatus: status.Store{State: "ok", Guard: "file"},
		Service:       func(string, policy.Settings, func(time.Time)) (Service, error) { return d.service, nil },
		ReopenProcess: d.adopt, Executable: d.programs, ConfigFile: "/etc/regent/config.yaml",
		DeviceNames: func() DeviceNames { return d.host },
		Audit:       d.trail, Log: d.log,
		Random: func() float64 { return 0.5 },
		NewID:  func() string { ids++; return fmt.Sprintf("id-%d-%d", d.clock.Boot(), ids) },
	})
	if err != nil {
		t.Fatal(err)
	}
	d.Agent = a
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	d.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
}

// registeredDevice is a device that has redeemed both instances of cad.
func registeredDevice(t testing.TB) *device {
	t.Helper()
	d := newDevice(t)
	d.start(t)
	return d
}

// start boots the device and redeems both instances of cad.
func (d *device) start(t testing.TB) {
	t.Helper()
	d.boot(t)
	got, err := d.RegisterAsDaemon(t.Context(), Registration{Token: token.NewSecret("registration"), Source: "test", Wait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range got.Instances[:2] {
		if i.State != "live" {
			t.Fatalf("after registration %s is %s", i.Name, i.State)
		}
	}
}

func newCaller(user string, pid int) (Caller, *process) {
	p := &process{}
	return Caller{Caller: authz.Caller{UID: user, User: user, PID: pid, Start: uint64(pid), Exe: "/bin/" + user}, Process: p}, p
}

var cadRequest = TokenRequest{Application: "cad"}
