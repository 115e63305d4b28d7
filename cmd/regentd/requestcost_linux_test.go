package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"regent/agent"
	"regent/agent/audit"
	"regent/agent/authz"
	"regent/agent/policy"
	"regent/agent/store/storetest"
	"regent/agent/timing"
	"regent/agent/tms"
	"regent/agent/token"

	"regent/agent/tokenstore"
	"regent/ipc/server"
	"regent/platform/device"
	"regent/platform/localsock"
)

const costTenant = "https://demo-host.com"

// idleService is never asked: every token is fresh.
type idleService struct{ agent.Service }

// writableStore is a store that can be written.
type writableStore struct{ *storetest.Memory }

func (writableStore) Probe(context.Context) error { return nil }

// startInProcess serves n instances inside this process, with all that a request
// costs: the caller from the kernel, rules, leases, a true audit log.
func startInProcess(t *testing.T, n int) (socket string) {
	t.Helper()
	dir := shortDir(t)
	c, err := device.ReadClock()
	if err != nil {
		t.Fatal(err)
	}
	settings := policy.Settings{Tenant: costTenant, Applications: []policy.Application{{
		ID: "cad", Tenant: costTenant, Instances: n, Redeem: policy.OnDemand, Origin: "config.yaml:1",
		Allow: []authz.Rule{{Users: []string{strconv.Itoa(os.Getuid())}, Origin: "config.yaml:2"}},
	}}}
	records, err := audit.OpenFile(filepath.Join(dir, "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := agent.New(t.Context(), agent.Deps{
		Version: "test", Clock: c, Settings: settings, Store: freshRecords(t, c, n), StateDir: dir, LedgerKey: make([]byte, 32),
		Service: func(string, policy.Settings, func(time.Time)) (agent.Service, error) { return idleService{}, nil },
		Audit:   records, Log: slog.New(slog.DiscardHandler), Random: func() float64 { return .5 }, NewID: newID, DeviceNames: func() agent.DeviceNames { return agent.DeviceNames{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "agent.sock")
	serveUntilEnd(t, a, records, socket)
	return socket
}

// freshRecords is a store with n auth tokens that need no refresh for a year.
func freshRecords(t *testing.T, c timing.Clock, n int) writableStore {
	t.Helper()
	s := writableStore{&storetest.Memory{}}
	v, err := tokenstore.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := v.Create(t.Context(), tokenstore.Record{
			ID: token.Instance{Tenant: token.TenantHost(costTenant), Application: "cad", Number: i + 1}, BaseURL: costTenant, State: token.Live,
			Intent: strconv.Itoa(i), AuthTokenID: strconv.Itoa(i), Provider: tms.Provider{TokenEndpoint: costTenant}, Generation: 1, Jitter: .5,
			Access: token.NewSecret(strings.Repeat("jwt.", 110)), AccessLife: tokenstore.NewLifetime(c, 365*24*time.Hour), Refresh: token.NewSecret("r"),
		}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// serveUntilEnd runs an agent and its local interface until the test ends.
func serveUntilEnd(t *testing.T, a *agent.Agent, records io.Closer, socket string) {
	t.Helper()
	cs := newCallerResolver(os.Getuid(), now)
	r := &reloader{}
	s, err := server.New(server.Deps{
		Agent: a, StoreManager: &storeAdmin{agent: a},
		Reload: r.reloadFor, Policy: r.policyReport, Diagnose: r.diagnose,
		AccountOf: cs.quotaOwner, Identify: cs.identify, IdentifyPID: cs.inspect, MaxConnections: 200, Now: now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := localsock.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- runWithCore(ctx, a.Run, func(ctx context.Context) error { return s.Serve(ctx, ln) })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := records.Close(); err != nil {
			t.Error(err)
		}
	})
}

// rawClient asks over one connection, and allocates nothing.
type rawClient struct {
	net.Conn
	request []byte
	reply   [16 << 10]byte
}

func newRawClient(t *testing.T, socket string) *rawClient {
	t.Helper()
	const body = `{"application":"cad"}`
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	a := &rawClient{Conn: c, request: fmt.Appendf(nil, "POST /v1/token HTTP/1.1\r\nHost: regent\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)}
	a.do(t) // the first request looks up names and leases
	return a
}

// do reads until the end of the one line of JSON.
func (a *rawClient) do(t *testing.T) []byte {
	if _, err := a.Write(a.request); err != nil {
		t.Fatal(err)
	}
	for n := 0; ; {
		read, err := a.Read(a.reply[n:])
		if err != nil {
			t.Fatal(err)
		}
		if n += read; a.reply[n-1] == '\n' && bytes.Contains(a.reply[:n], []byte("\r\n\r\n")) {
			return a.reply[:n]
		}
	}
}

// allocationsOf returns how many allocations a request costs, the client's none
// included.
func allocationsOf(t *testing.T, a *rawClient) float64 {
	const times = 5000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		a.do(t)
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / times
}

// TestAllocations compares a request with a bare net/http handler that sends the
// same reply.
func TestAllocations(t *testing.T) {
	own := newRawClient(t, startInProcess(t, 10))
	reply, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(own.do(t))), nil)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != http.StatusOK {
		t.Fatalf("%s %s, %v", reply.Status, payload, err)
	}
	agents, bares := allocationsOf(t, own), allocationsOf(t, newRawClient(t, bareHTTP(t, payload)))
	t.Logf("allocations: agent %.1f, bare %.1f", agents, bares)
	if !raceDetector && agents > bares+10 {
		t.Errorf("a request has %.1f allocations, want at most 10 more than bare net/http's %.1f", agents, bares)
	}
}

// bareHTTP serves payload, and does nothing else.
func bareHTTP(t *testing.T, payload []byte) (socket string) {
	t.Helper()
	socket = filepath.Join(shortDir(t), "s")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	length := strconv.Itoa(len(payload))
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Length", length)
		w.Write(payload)
	})}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	t.Cleanup(func() { s.Close(); <-done })
	return socket
}

// TestScale asks agents with more and more instances by turns, and says what a
// request takes. What it may take is for make bench to judge, on a quiet machine.
func TestScale(t *testing.T) {
	const rounds, each = 20, 200
	sizes := []int{1, 10, 100, 1000, 10_000}
	took := map[int][]time.Duration{}
	askers := map[int]*rawClient{}
	for _, n := range sizes {
		askers[n] = newRawClient(t, startInProcess(t, n))
	}
	for range rounds {
		for _, n := range sizes {
			for range each {
				began := time.Now()
				askers[n].do(t)
				took[n] = append(took[n], time.Since(began))
			}
		}
	}
	for _, n := range sizes {
		slices.Sort(took[n])
		t.Logf("instances: %d, p50 %.1f µs", n, float64(took[n][len(took[n])/2].Nanoseconds())/1e3)
	}
	if one, most := took[1][rounds*each/2], took[10_000][rounds*each/2]; most > 10*one {
		t.Errorf("a request takes %v with 10,000 instances and %v with one", most, one)
	}
}

// shortDir is for sockets, whose paths have at most 107 bytes.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rg") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
