package agent

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/doctor"
	"regent/agent/status"
	"regent/agent/tms"
)

// sightly is a tenant that can be looked at, which takes a second.
type sightly struct {
	*tenant
	looks atomic.Int64
}

func (s *sightly) Look(ctx context.Context) tms.Look {
	s.looks.Add(1)
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
	return tms.Look{At: tms.Reached}
}

// TestUsersShareALook: however many users ask for a diagnosis, the service is
// looked at twice a minute; an administrator, and whoever asks after a change of
// the configuration, gets what is now.
func TestUsersShareALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registered(t)
		defer d.stop()
		seen := &sightly{tenant: d.service}
		d.tenants.make = func(string, func(time.Time)) (Service, error) { return seen, nil }
		d.tenants.forget()
		user, _ := caller("mallory", 1)
		wantLooks := func(want int64, by Caller, times int) {
			t.Helper()
			var all sync.WaitGroup
			for range times {
				all.Go(func() {
					got, err := d.Diagnose(t.Context(), by)
					if err != nil || len(got.Ways) != 1 || got.Ways[0].Step != doctor.Reachable {
						t.Errorf("got %+v, %v", got.Ways, err)
					}
				})
			}
			all.Wait()
			if got := seen.looks.Swap(0); got != want {
				t.Errorf("%d looks, want %d", got, want)
			}
		}
		wantLooks(1, user, 1000)
		time.Sleep(shareFor)
		wantLooks(1, user, 10)
		admin := user
		admin.Admin = true
		wantLooks(2, admin, 2)
		d.Apply(d.Settings(), []status.Problem{})
		wantLooks(1, user, 10)
	})
}

// TestALookThatIsCutShort is not shared: whoever asked went away.
func TestALookThatIsCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registered(t)
		defer d.stop()
		seen := &sightly{tenant: d.service}
		d.tenants.make = func(string, func(time.Time)) (Service, error) { return seen, nil }
		d.tenants.forget()
		user, _ := caller("mallory", 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, _ = d.Diagnose(ctx, user) // what it comes to is nobody's concern any more
		if _, err := d.Diagnose(t.Context(), user); err != nil || seen.looks.Load() != 2 {
			t.Errorf("%d looks, %v; want another one", seen.looks.Load(), err)
		}
	})
}
