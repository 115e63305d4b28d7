package agent

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/authz"
	"regent/agent/lease"
	"regent/agent/policy"
	"regent/agent/refresh"
	"regent/agent/status"
	"regent/agent/store/storetest"
	"regent/agent/timing/timingtest"
	"regent/agent/tms"
	"regent/agent/tms/emulator"
	"regent/agent/token"
)

// fleetSize is how many devices a simulated fleet has. make fleet has the whole
// 10,000; go test has fewer, with room for chance.
var fleetSize = flag.Int("fleet", 200, "devices in a simulated fleet")

// withMargin is how far n of many may be above its bound in a fleet that is not whole.
func withMargin(n float64) float64 {
	if *fleetSize >= 10_000 {
		return 0
	}
	return 4 * math.Sqrt(n)
}

// fleet is many devices and the one service they share, in virtual time. Each
// device is the daemon's own agent with the real client; only sockets, disks
// and clocks are the test's.
type fleet struct {
	*testing.T
	began        time.Time
	service      *emulator.Emulator
	pipes        *pipes
	devices      []*member
	registration string                         // token
	change       func(*policy.Settings)         // of a device, before it starts; nil for none
	wrap         func(*member, Service) Service // what stands before the client; nil for nothing

	mu      sync.Mutex
	between func(w http.ResponseWriter, r *http.Request) (answered bool) // what stands between; nil for nothing
	down    bool
	minutes []int // refresh requests that reached the service, by minute since began
	tried   []int // connections for them that it refused, likewise
}

// member is one device of a fleet.
type member struct {
	dir   string
	clock *timingtest.Clock
	store probedStore
	agent *Agent
	stop  func()

	mu        sync.Mutex // over what follows
	rand      *rand.Rand
	refreshed time.Time     // when a refresh last began; zero if none did
	gap       time.Duration // the shortest between two of them; 0 if none began
}

func (m *member) draw() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rand.Float64()
}

func (m *member) id() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fmt.Sprintf("regent-%016x", m.rand.Uint64())
}

// errDown is what a device meets during an outage.
var errDown = errors.New("connection refused")

// simulate runs f with a fleet of some size, at a service with these knobs. It
// was enrolled over the hour or the life of an access token before, whichever is
// longer.
func simulate(t *testing.T, size int, k emulator.Knobs, f func(*fleet)) {
	t.Helper()
	simulateWith(t, size, k, nil, f)
}

// simulateWith is simulate with other settings, in each dialect of the service. A
// fleet meets one dialect: it is about numbers, and takes long.
func simulateWith(t *testing.T, size int, k emulator.Knobs, change func(*policy.Settings), f func(*fleet)) {
	t.Helper()
	dialects := emulator.Dialects()
	if size > 1 {
		dialects = dialects[:1]
	}
	for _, k.Dialect = range dialects {
		t.Run(string(k.Dialect), func(t *testing.T) { simulateIn(t, size, k, change, f) })
	}
}

func simulateIn(t *testing.T, size int, k emulator.Knobs, change func(*policy.Settings), f func(*fleet)) {
	synctest.Test(t, func(t *testing.T) {
		service, err := emulator.New(emulator.Options{Knobs: k})
		if err != nil {
			t.Fatal(err)
		}
		fl := &fleet{T: t, service: service, pipes: newPipes(), began: time.Now(), change: change}
		server := &http.Server{Handler: http.HandlerFunc(fl.serve)}
		served := make(chan error, 1)
		go func() { served <- server.Serve(fl.pipes) }()
		defer func() {
			server.Close()
			<-served
		}()
		fl.register(size, max(time.Hour, k.AccessLifetime))
		f(fl)
		fl.cutPower()
	})
}

func (fl *fleet) serve(w http.ResponseWriter, r *http.Request) {
	fl.mu.Lock()
	if strings.HasSuffix(r.URL.Path, "/token") {
		fl.count(&fl.minutes)
	}
	between := fl.between
	fl.mu.Unlock()
	if between != nil && between(w, r) {
		return
	}
	fl.service.ServeHTTP(w, r)
}

// count adds one to this minute. The caller holds mu.
func (fl *fleet) count(minutes *[]int) {
	now := int(time.Since(fl.began) / time.Minute)
	for len(*minutes) <= now {
		*minutes = append(*minutes, 0)
	}
	(*minutes)[now]++
}

// requestsByMinute returns the requests by minute from a time on, for n minutes.
func (fl *fleet) requestsByMinute(at time.Time, n int) []int {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	first := int(at.Sub(fl.began) / time.Minute)
	out := make([]int, n)
	for i := range out {
		if first+i < len(fl.minutes) {
			out[i] = fl.minutes[first+i]
		}
	}
	return out
}

func (fl *fleet) dial(context.Context, string, string) (net.Conn, error) {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	if fl.down {
		fl.count(&fl.tried)
		return nil, errDown
	}
	return fl.pipes.dial()
}

// setBetween puts something between the devices and the service, nil for nothing.
func (fl *fleet) setBetween(f func(http.ResponseWriter, *http.Request) bool) {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	fl.between = f
}

func (fl *fleet) setDown(down bool) {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	fl.down = down
}

// spare is how many more counts the registration token has than three times the
// devices: what is not spent must be for want of a reason, not of a count.
const spare = 10

// register makes the devices, one after the other over the span, and gives each its
// registration token.
func (fl *fleet) register(size int, over time.Duration) {
	fl.Helper()
	registration, err := fl.service.IssueRegistrationToken("fleet", 3*size+spare)
	if err != nil {
		fl.Fatal(err)
	}
	fl.registration = registration
	dir := shm(fl.T)
	for i := range size {
		m := &member{
			dir: filepath.Join(dir, fmt.Sprint(i)), clock: timingtest.New(), store: probedStore{&storetest.Memory{}},
			rand: rand.New(rand.NewPCG(uint64(i), 2026)),
		}
		if err := os.Mkdir(m.dir, 0o700); err != nil {
			fl.Fatal(err)
		}
		fl.devices = append(fl.devices, m)
		fl.boot(m)
		if _, err := m.agent.RegisterAsDaemon(fl.Context(), Registration{Token: token.NewSecret(registration), Source: "test"}); err != nil {
			fl.Fatal(err)
		}
		time.Sleep(over / time.Duration(size))
	}
	time.Sleep(time.Minute)
	if got := fl.service.State().Redeemed; got != size {
		fl.Fatalf("%d of %d devices were enrolled", got, size)
	}
}

// shm returns a directory in memory, where there is one: ten thousand ledgers
// that wait for a disk take long.
func shm(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "regent-fleet") //nolint:usetesting // in memory, not on the disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

const fleetTenant = "http://127.0.0.1"

// boot starts a device's agent by the daemon's own constructor.
func (fl *fleet) boot(m *member) {
	fl.Helper()
	settings := policy.Settings{
		Tenant: fleetTenant, Limits: policy.Limits{RedeemSplay: 2 * time.Second, RedeemUncertainRetries: 1},
		Applications: []policy.Application{{
			ID: "cad", Tenant: fleetTenant, Instances: 1, Redeem: policy.Eager, Allow: []authz.Rule{{Users: []string{"alice"}}},
		}},
	}
	if fl.change != nil {
		fl.change(&settings)
	}
	a, err := New(fl.Context(), Deps{
		Version: "test", Clock: m.clock, Store: m.store, StateDir: m.dir, Settings: settings,
		LedgerKey: []byte("0123456789abcdef0123456789abcdef"), StoreStatus: status.Store{State: "ok", Guard: "file"},
		Service: func(base string, _ policy.Settings, observe func(time.Time)) (Service, error) {
			c, err := tms.New(tms.Options{Tenant: base, Proxy: "none", Now: m.clock.Wall, Observe: observe, Dial: fl.dial})
			if err != nil || fl.wrap == nil {
				return pacedClient{c, m}, err
			}
			return fl.wrap(m, pacedClient{c, m}), nil
		},
		ReopenProcess: func(lease.Holder) (lease.Process, error) { return nil, errors.New("the process has exited") },
		Audit:         &memoryAudit{}, Log: slog.New(slog.DiscardHandler), Random: m.draw, NewID: m.id, DeviceNames: func() DeviceNames { return DeviceNames{} },
	})
	if err != nil {
		fl.Fatal(err)
	}
	ctx, cancel := context.WithCancel(fl.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	m.agent = a
	m.stop = func() {
		cancel()
		if err := <-done; err != nil {
			fl.Errorf("Run = %v", err)
		}
	}
}

// cutPower ends every agent.
func (fl *fleet) cutPower() {
	for _, m := range fl.devices {
		m.stop()
	}
}

// stale counts the devices that have not refreshed since a time.
func (fl *fleet) stale(since time.Time) (n int) {
	for _, m := range fl.devices {
		if r := m.agent.tokens.List(); len(r) != 1 || r[0].AccessLife.Wall.Before(since) {
			n++
		}
	}
	return n
}

func peak(minutes []int) (most, sum int) {
	for _, n := range minutes {
		sum += n
	}
	return slices.Max(minutes), sum
}

// meanPerMinute is how many refreshes a minute a fleet makes on average, by the
// window in which they fall.
func meanPerMinute(life time.Duration) float64 {
	return float64(*fleetSize) / (life.Minutes() * (0.60 + 0.75) / 2)
}

// TestPowerCut: every device loses its power at one moment and has it again at
// another, when all tokens have ended. The peak minute is at most three times
// the mean of an ordinary hour, and every device is served again.
func TestPowerCut(t *testing.T) {
	const life = time.Hour
	simulate(t, *fleetSize, emulator.Knobs{AccessLifetime: life}, func(fl *fleet) {
		fl.cutPower()
		time.Sleep(3 * time.Hour)
		back := time.Now()
		for _, m := range fl.devices {
			m.clock.Reboot("boot-2", 0)
			fl.boot(m)
		}
		time.Sleep(2 * time.Hour)
		minutes := fl.requestsByMinute(back, 120)
		most, sum := peak(minutes)
		mean := meanPerMinute(life)
		fl.Logf("%d devices; mean %.0f refreshes a minute; after the power cut: peak %d (%.2f times), %d in two hours; by minute: %v",
			*fleetSize, mean, most, float64(most)/mean, sum, minutes[:60])
		if float64(most) > 3*mean+withMargin(3*mean) {
			fl.Errorf("the peak minute has %d refreshes, more than three times the mean of %.0f", most, mean)
		}
		if n := fl.stale(back.Add(time.Hour)); n > 0 {
			fl.Errorf("%d devices have not refreshed in the last hour", n)
		}
	})
}

// TestOutage: the service is down for an hour. Its first minute back carries at
// most 5 % of the devices that wait, and 99 % of them are done within 30 minutes.
func TestOutage(t *testing.T) {
	for _, life := range []time.Duration{time.Hour} {
		t.Run(life.String(), func(t *testing.T) {
			simulate(t, *fleetSize, emulator.Knobs{AccessLifetime: life}, func(fl *fleet) {
				fl.setDown(true)
				time.Sleep(time.Hour)
				waiting := map[*member]bool{}
				for _, m := range fl.devices {
					if r := m.agent.tokens.List()[0]; refresh.DueAge(r) <= r.AccessLife.DueAge(m.clock) {
						waiting[m] = true
					}
				}
				back := time.Now()
				fl.setDown(false)
				var done []float64 // of those that waited, in percent, by minute
				for range 30 {
					time.Sleep(time.Minute)
					n := 0
					for m := range waiting {
						if r := m.agent.tokens.List()[0]; !r.AccessLife.Wall.Before(back) {
							n++
						}
					}
					done = append(done, 100*float64(n)/float64(len(waiting)))
				}
				minutes := fl.requestsByMinute(back, 30)
				most, _ := peak(minutes)
				fl.Logf("%d devices, tokens of %s; %d waited; first minute %.2f %%; after 30 minutes %.2f %%; peak minute %d requests; done by minute, percent: %.1f",
					*fleetSize, life, len(waiting), done[0], done[29], most, done)
				if first, most := done[0]/100*float64(len(waiting)), 0.05*float64(len(waiting)); first > most+withMargin(most) {
					fl.Errorf("the first minute carries %.2f %% of the backlog, want at most 5", done[0])
				}
				if done[29] < 99 {
					fl.Errorf("after 30 minutes %.2f %% are done, want 99", done[29])
				}
				if got := fl.service.State().Redeemed; got != *fleetSize {
					fl.Errorf("%d counts used, want %d", got, *fleetSize)
				}
			})
		})
	}
}

// pipes is a network in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial() (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, errDown
	}
}

// Accept implements [net.Listener].
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements [net.Listener].
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
