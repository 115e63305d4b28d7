package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"regent/agent/policy"
	"regent/agent/store"
	"regent/agent/token"
)

// These benchmarks hold that no loop grows with all instances: each compares the cost for
// one instance of a large device with that of a small one, in the same run.
//
//	go test ./agent -run '^$' -bench Scale -benchtime 1x

// scaleLimit is the largest ratio of the cost for one instance on a large and a small device.
const scaleLimit = 2.0

// cpuTime returns the CPU time of this process. Waiting for the disk costs none.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cpuOf returns the CPU time that f takes.
func cpuOf(b *testing.B, f func()) time.Duration {
	b.Helper()
	runtime.GC()
	before := cpuTime(b)
	f()
	return cpuTime(b) - before
}

// compare reports the cost of one instance for each size, and fails if it grows.
func compare(b *testing.B, sizes [2]int, unit string, cost func(n int) time.Duration) {
	b.Helper()
	var each [2]float64
	for b.Loop() {
		for i, n := range sizes {
			each[i] = float64(cost(n).Microseconds()) / float64(n)
			b.ReportMetric(each[i], "µs/"+unit+"-of-"+strconv.Itoa(n))
		}
	}
	ratio := each[1] / each[0]
	b.ReportMetric(ratio, "ratio")
	if ratio > scaleLimit {
		b.Errorf("one of %d costs %.2f times one of %d, want %.1f at most", sizes[1], ratio, sizes[0], scaleLimit)
	}
}

// largeDevice has an application with n instances and is quiet.
func largeDevice(b *testing.B, n int) *device {
	b.Helper()
	d := newDevice(b)
	d.log = slog.New(slog.DiscardHandler)
	app := &d.settings.Applications[0]
	app.Instances = n
	d.settings.Applications = d.settings.Applications[:1]
	return d
}

// redeemAll redeems all instances of cad.
func (d *device) redeemAll(b *testing.B) {
	b.Helper()
	if _, err := d.RegisterAsDaemon(b.Context(), Registration{Token: token.NewSecret("registration"), Source: "test", Manual: true, Wait: 10 * time.Minute}); err != nil {
		b.Fatal(err)
	}
	if n := len(d.tokens.List()); n != d.settings.Applications[0].Instances {
		b.Fatalf("%d of %d are redeemed", n, d.settings.Applications[0].Instances)
	}
}

// BenchmarkScaleRedeem is the CPU time of one redemption.
func BenchmarkScaleRedeem(b *testing.B) {
	compare(b, [2]int{100, 3000}, "redemption", func(n int) time.Duration {
		d := largeDevice(b, n)
		d.boot(b)
		defer d.stop()
		token.Fingerprint(token.NewSecret("registration"))
		return cpuOf(b, func() { d.redeemAll(b) })
	})
}

// BenchmarkScaleRefresh is the CPU time of one refresh, while all instances are due.
func BenchmarkScaleRefresh(b *testing.B) {
	compare(b, [2]int{100, 3000}, "refresh", func(n int) time.Duration {
		d := largeDevice(b, n)
		d.boot(b)
		defer d.stop()
		d.redeemAll(b)
		return cpuOf(b, func() {
			d.clock.Suspend(50 * time.Minute)
			d.refresh.Kick()
			for d.refreshes() < n {
				time.Sleep(time.Millisecond)
			}
		})
	})
}

func (d *device) refreshes() int {
	d.service.mu.Lock()
	defer d.service.mu.Unlock()
	return d.service.refreshed
}

// BenchmarkScaleRegister is the CPU time of one registration token, where each application
// has its own, and all callers wait for the redemption.
func BenchmarkScaleRegister(b *testing.B) {
	compare(b, [2]int{50, 500}, "registration", func(n int) time.Duration {
		d := largeDevice(b, 1)
		app := d.settings.Applications[0]
		d.settings.Applications = nil
		var known []map[string]string // their fingerprints: slow to compute, and not measured
		for i := range n {
			app.ID = fmt.Sprintf("app-%04d", i)
			d.settings.Applications = append(d.settings.Applications, app)
			known = append(known, map[string]string{"sum": fmt.Sprintf("%x", sha256.Sum256([]byte(app.ID))), "fingerprint": app.ID})
		}
		if err := store.NewRecords(d.store).Write(b.Context(), "fingerprints", known); err != nil {
			b.Fatal(err)
		}
		d.boot(b)
		defer d.stop()
		return cpuOf(b, func() {
			var waiting sync.WaitGroup
			for _, app := range d.settings.Applications {
				waiting.Go(func() {
					r := Registration{Token: token.NewSecret(app.ID), Application: app.ID, Source: "test", Manual: true, Wait: 10 * time.Minute}
					if got, err := d.RegisterAsDaemon(context.Background(), r); err != nil || got.Instances[0].State != "live" {
						b.Errorf("%s: %v, %v", app.ID, got, err)
					}
				})
			}
			waiting.Wait()
		})
	})
}

// firstAskLimit is how long a process may wait for its first lease.
const firstAskLimit = 200 * time.Microsecond

// BenchmarkScaleLease is the first request of a process, while others lease most instances.
func BenchmarkScaleLease(b *testing.B) {
	d := largeDevice(b, 1000)
	d.boot(b)
	defer d.stop()
	d.redeemAll(b)
	for pid := range 855 {
		by, _ := newCaller("alice", pid+1)
		if _, err := d.Token(b.Context(), by, cadRequest); err != nil {
			b.Fatal(err)
		}
	}
	var took []time.Duration
	pid := 10_000
	for b.Loop() {
		pid++
		by, process := newCaller("alice", pid)
		began := time.Now()
		if _, err := d.Token(b.Context(), by, cadRequest); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
		process.exit()
	}
	slices.Sort(took)
	p50 := took[len(took)/2]
	b.ReportMetric(float64(p50.Microseconds()), "p50-µs")
	if len(took) >= 20 && p50 > firstAskLimit {
		b.Errorf("the first request took %v, want %v at most", p50, firstAskLimit)
	}
}

// statusGoal is the CPU time of a status with 10,000 instances, for a caller without rights.
const statusGoal = 2 * time.Millisecond

// BenchmarkScaleStatus is a status of 10,000 instances, as it is sent.
func BenchmarkScaleStatus(b *testing.B) {
	const n = 10_000
	d := largeDevice(b, n)
	d.boot(b)
	defer d.stop()
	d.redeemAll(b)
	rounds := 0
	took := cpuOf(b, func() {
		for b.Loop() {
			rounds++
			s, err := d.Status(b.Context(), Caller{})
			if err != nil {
				b.Fatal(err)
			}
			if err := json.NewEncoder(io.Discard).Encode(s); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.ReportMetric(float64(took.Microseconds())/float64(rounds), "CPU-µs")
	b.ReportMetric(float64(statusGoal.Microseconds()), "goal-µs")
}

// startGoals are the CPU times of a start: from the open of the store to the first token that
// could be issued. A directory in memory (TMPDIR) makes the preparation quick.
var startGoals = map[int]time.Duration{1000: 50 * time.Millisecond, 10_000: 400 * time.Millisecond}

// BenchmarkScaleStart is the CPU time of a start.
func BenchmarkScaleStart(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			d := largeDevice(b, n)
			d.boot(b)
			d.redeemAll(b)
			d.stop()
			o := store.Options{Dir: d.dir, Key: bytes.Repeat([]byte{1}, store.KeySize), ReadOnce: true}
			d.sealAll(b, o)
			rounds := 0
			took := cpuOf(b, func() {
				for b.Loop() {
					rounds++
					d.startOnce(b, o)
				}
			}) / time.Duration(rounds)
			b.ReportMetric(float64(took.Milliseconds()), "CPU-ms")
			b.ReportMetric(float64(startGoals[n].Milliseconds()), "goal-ms")
		})
	}
}

// sealAll copies the records of the device into a sealed store.
func (d *device) sealAll(b *testing.B, o store.Options) {
	b.Helper()
	s, err := store.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	names, err := d.store.List(b.Context())
	for _, name := range names {
		value, _, getErr := d.store.Get(b.Context(), name)
		_, putErr := s.Put(b.Context(), name, value, 0)
		err = errors.Join(err, getErr, putErr)
	}
	if err = errors.Join(err, s.Close()); err != nil {
		b.Fatal(err)
	}
}

// startOnce reads the state as the daemon does.
func (d *device) startOnce(b *testing.B, o store.Options) {
	b.Helper()
	s, err := store.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	damaged, _, err := s.Verify(b.Context())
	if err != nil || len(damaged) > 0 {
		b.Fatal(damaged, err)
	}
	a, err := New(b.Context(), Deps{
		Version: "test", Clock: d.clock, Settings: d.settings, Store: s, StateDir: d.dir,
		LedgerKey: []byte("0123456789abcdef0123456789abcdef"), ReopenProcess: d.adopt,
		Service:     func(string, policy.Settings, func(time.Time)) (Service, error) { return d.service, nil },
		DeviceNames: func() DeviceNames { return d.host },
		Audit:       d.trail, Log: d.log, Random: func() float64 { return 0.5 }, NewID: func() string { return "id" },
	})
	if err != nil {
		b.Fatal(err)
	}
	if _, held := a.tokens.Get(instanceID(d.settings.Applications[0], d.settings.Applications[0].Instances)); !held {
		b.Error("the last auth token is missing")
	}
	if err := errors.Join(a.ledger.Close(), s.Close()); err != nil {
		b.Error(err)
	}
}
