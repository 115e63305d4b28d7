package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/status"
	"regent/agent/tms"
)

// slowProber is a tenant that can be looked at, which takes a while.
type slowProber struct {
	*fakeService
	takes time.Duration // or as long as it may, if that is less
	looks atomic.Int64
}

func (s *slowProber) Diagnose(ctx context.Context) tms.Diagnosis {
	s.looks.Add(1)
	select {
	case <-ctx.Done():
		return tms.Diagnosis{Stage: fault.StageConnect, Failure: &tms.Failure{Op: "discover", Err: ctx.Err()}}
	case <-time.After(s.takes):
		return tms.Diagnosis{Stage: fault.StageDone}
	}
}

// deviceWithProber is a device whose one tenant can be looked at.
func deviceWithProber(t *testing.T, takes time.Duration) (*device, *slowProber) {
	t.Helper()
	d := registeredDevice(t)
	seen := &slowProber{fakeService: d.service, takes: takes}
	d.clients.make = func(string, func(time.Time)) (Service, error) { return seen, nil }
	d.clients.reset()
	return d, seen
}

// longerThanProbe is longer than any look may take.
const longerThanProbe = time.Hour

// TestUsersShareAProbe: however many users ask for a diagnosis, the service is
// looked at twice a minute; an administrator, and whoever asks after a change of
// the configuration, gets what is now.
func TestUsersShareAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, seen := deviceWithProber(t, time.Second)
		defer d.stop()
		user, _ := newCaller("mallory", 1)
		wantLooks := func(want int64, by Caller, times int) {
			t.Helper()
			var all sync.WaitGroup
			for range times {
				all.Go(func() {
					got, err := d.Diagnose(t.Context(), by)
					if err != nil || len(got.ServiceChecks) != 1 || got.ServiceChecks[0].Stage != fault.StageDone {
						t.Errorf("got %+v, %v", got.ServiceChecks, err)
					}
				})
			}
			all.Wait()
			if got := seen.looks.Swap(0); got != want {
				t.Errorf("%d looks, want %d", got, want)
			}
		}
		wantLooks(1, user, 1000)
		time.Sleep(probeCacheTime)
		wantLooks(1, user, 10)
		admin := user
		admin.Admin = true
		wantLooks(1, admin, 1)
		wantLooks(1, admin, 1)
		d.Apply(d.Settings(), []status.Problem{})
		wantLooks(1, user, 10)
	})
}

// TestProbeOutlivesCaller: whoever hangs up at once, again and again, has the
// service looked at no more often than whoever waits.
func TestProbeOutlivesCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, seen := deviceWithProber(t, 2*time.Second)
		defer d.stop()
		user, _ := newCaller("mallory", 1)
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			if _, err := d.Diagnose(ctx, user); seen.looks.Load() != 1 || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%d looks, %v; want one, which goes on", seen.looks.Load(), err)
			}
			cancel()
		}
		got, err := d.Diagnose(t.Context(), user)
		if err != nil || seen.looks.Load() != 1 || got.ServiceChecks[0].Stage != fault.StageDone {
			t.Errorf("who waits: %d looks, %+v, %v; want what the one look saw", seen.looks.Load(), got.ServiceChecks, err)
		}
	})
}

// TestAdministratorIsNotDelayed: before a service that does not answer, users
// who ask and hang up cost an administrator no more than the look under way.
func TestAdministratorIsNotDelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, seen := deviceWithProber(t, longerThanProbe)
		defer d.stop()
		user, _ := newCaller("mallory", 1)
		ctx, hangUp := context.WithCancel(t.Context())
		defer hangUp()
		var all sync.WaitGroup
		defer all.Wait()
		for range 100 {
			all.Go(func() { _, _ = d.Diagnose(ctx, user) }) // they hang up, or share what the administrator sees
		}
		time.Sleep(time.Second)
		hangUp()
		admin, began := user, time.Now()
		admin.Admin = true
		for range 10 { // who share a look too
			all.Go(func() {
				got, err := d.Diagnose(t.Context(), admin)
				if err != nil || got.ServiceChecks[0].Stage != fault.StageConnect {
					t.Errorf("got %+v, %v", got.ServiceChecks, err)
				}
				if took, want := time.Since(began), 2*probeTimeout-time.Second; took != want || seen.looks.Load() != 2 {
					t.Errorf("%d looks and %v, want the rest of the one under way and another, %v", seen.looks.Load(), took, want)
				}
			})
		}
		all.Wait()
	})
}

// TestProbeEndsWithAgent: a look that is under way keeps the agent from
// nothing, and who waits for it is told.
func TestProbeEndsWithAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, seen := deviceWithProber(t, longerThanProbe)
		user, _ := newCaller("alice", 1)
		asked := make(chan error, 1)
		go func() {
			_, err := d.Diagnose(t.Context(), user)
			asked <- err
		}()
		synctest.Wait()
		began := time.Now()
		d.stop()
		if took := time.Since(began); took != 0 || seen.looks.Load() != 1 {
			t.Errorf("Run returned after %v and %d looks, want it to cut the one off", took, seen.looks.Load())
		}
		if err := <-asked; fault.KindOf(err) != fault.Unavailable {
			t.Errorf("who waited: %v, want unavailable", err)
		}
		if _, err := d.Diagnose(t.Context(), user); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("who asks later: %v, want unavailable", err)
		}
	})
}

// TestDiagnoseWithoutAStore: a daemon that serves nothing says why, and still
// looks at the services.
func TestDiagnoseWithoutAStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		a, err := New(t.Context(), Deps{
			Clock: d.clock, Settings: d.settings, Unusable: fault.New("unlock", fault.StoreLocked, nil), Audit: d.trail, Log: slog.New(slog.DiscardHandler),
			Service: func(string, policy.Settings, func(time.Time)) (Service, error) {
				return &slowProber{fakeService: d.service}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx) }()
		by, _ := newCaller("alice", 1)
		got, err := a.Diagnose(t.Context(), by)
		if err != nil || got.Unusable != string(fault.StoreLocked) || len(got.ServiceChecks) != 1 || got.ServiceChecks[0].Stage != fault.StageDone {
			t.Errorf("got %+v, %v", got, err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}
