//go:build unix

package main

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"regent/agent/fault"
	"regent/agent/tms/emulator"
	"regent/ipc/api"
	"regent/ipc/client"
)

// proxy puts toxiproxy between a device and its service.
func proxy(t testing.TB, upstream string) *toxiproxy.Proxy {
	t.Helper()
	p := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "service", "127.0.0.1:0", upstream)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// toxics are what a network suffers from, and whether a refresh gets through.
var toxics = []struct {
	name, json string
	through    bool
}{
	{"latency", `{"name":"t","type":"latency","stream":"downstream","attributes":{"latency":300,"jitter":200}}`, true},
	{"slices", `{"name":"t","type":"slicer","stream":"downstream","attributes":{"average_size":64,"size_variation":32,"delay":500}}`, true},
	{"a thin line", `{"name":"t","type":"bandwidth","stream":"downstream","attributes":{"rate":10}}`, true},
	{"resets in the middle of a body", `{"name":"t","type":"limit_data","stream":"downstream","attributes":{"bytes":2500}}`, false},
	{"resets", `{"name":"t","type":"reset_peer","stream":"downstream","attributes":{"timeout":5}}`, false},
	{"a black hole", `{"name":"t","type":"timeout","stream":"downstream","attributes":{"timeout":0}}`, false},
}

// badLife is how long an access token lives while the network is bad.
const badLife = 10 * time.Second

// TestServesThroughABadNetwork: while the way to the service suffers, local
// requests are served from what is held. Where no refresh gets through they are
// until the token's end, and then the answer is unavailable, with a time to come
// back. How long they take is for the benchmark to hold; here it is only told.
func TestServesThroughABadNetwork(t *testing.T) {
	bin := build(t, "./cmd/regentd")
	var mu sync.Mutex
	var took []time.Duration
	t.Run("network", func(t *testing.T) {
		for _, toxic := range toxics {
			t.Run(toxic.name, func(t *testing.T) {
				t.Parallel()
				s, way, d := behindProxy(t, bin, badLife)
				defer d.stop(t)
				if _, err := way.Toxics.AddToxicJson(strings.NewReader(toxic.json)); err != nil {
					t.Fatal(err)
				}
				times := hammer(t, s, toxic.through)
				mu.Lock()
				defer mu.Unlock()
				took = append(took, times...)
				if got := s.service.State().Redeemed; got != 1 {
					t.Errorf("%d counts used, want 1", got)
				}
			})
		}
	})
	slices.Sort(took)
	if len(took) < 10_000 {
		t.Errorf("only %d requests were served, want 10000", len(took))
	}
	t.Logf("%d requests served through %d kinds of trouble: p50 %s, p99 %s, longest %s", len(took), len(toxics),
		took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
}

// behindProxy is a device with a live auth token, and the proxy on its way. The
// service does not rotate: a lost answer is to end nothing here.
func behindProxy(t testing.TB, bin string, life time.Duration) (s *site, way *toxiproxy.Proxy, d *daemonProcess) {
	t.Helper()
	s = newSite(t, bin, emulator.Knobs{AccessLifetime: life, Rotation: emulator.RotationOff}, func(address string) string {
		way = proxy(t, address)
		return way.Listen
	})
	d = s.start(t)
	for s.state(t) != "live" {
		d.alive(t)
		time.Sleep(10 * time.Millisecond)
	}
	return s, way, d
}

// callersAbreast is how many connections ask at one time.
const callersAbreast = 8

// hammer asks until the first access token would have ended, and a while longer.
// It returns how long each request took that was served.
func hammer(t *testing.T, s *site, through bool) (took []time.Duration) {
	t.Helper()
	until := time.Now().Add(badLife + 2*time.Second)
	all := make([][]time.Duration, callersAbreast)
	var callers sync.WaitGroup
	for i := range callersAbreast {
		callers.Go(func() { all[i] = askAndAsk(t, s, until, through) })
	}
	callers.Wait()
	return slices.Concat(all...)
}

func askAndAsk(t *testing.T, s *site, until time.Time, through bool) (took []time.Duration) {
	c := client.New(client.Options{Socket: s.socket()})
	defer c.Close()
	var end time.Time // of the last token that was served
	for began := time.Now(); began.Before(until); began = time.Now() {
		got, err := c.Token(t.Context(), api.TokenRequest{Application: "cad"})
		switch f := fault.Of(err); {
		case err == nil:
			took = append(took, time.Since(began))
			end = got.ExpiresAt
		case through || began.Before(end.Add(-time.Second)):
			t.Errorf("refused %s before the token's end: %v", end.Sub(began), err)
			return took
		case f.Kind != fault.Unavailable || f.Retry <= 0:
			t.Errorf("after the token's end: got %v, retry %s, want unavailable with a time to come back", err, f.Retry)
			return took
		default:
			return took
		}
		time.Sleep(20 * time.Millisecond)
	}
	if !through {
		t.Error("a token is served after its end")
	}
	return took
}

// BenchmarkTokenThroughABlackHole is the time of a local request while every
// refresh hangs.
func BenchmarkTokenThroughABlackHole(b *testing.B) {
	s, way, d := behindProxy(b, build(b, "./cmd/regentd"), time.Hour)
	defer d.stop(b)
	if _, err := way.Toxics.AddToxicJson(strings.NewReader(toxics[len(toxics)-1].json)); err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		// A wish for a longer life has a refresh started, which nobody waits for.
		if _, err := s.client.Token(b.Context(), api.TokenRequest{Application: "cad", MinTTL: 3600}); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
