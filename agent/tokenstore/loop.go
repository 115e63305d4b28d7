package tokenstore

import (
	"context"
	"log/slog"
	"time"

	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/timing"
	"regent/agent/tms"
)

// Loop is what the loops that redeem and that refresh both need. All fields are required.
type Loop struct {
	Tokens        *Store
	Capabilities  *TenantCapabilities // what each tenant taught
	Pauses        *timing.Pauses      // of this loop
	timing.Signal                     // Kick has the loop look again at once
	Clock         timing.Clock
	Random        func() float64                    // in [0,1)
	Skew          func(tenant string) time.Duration // service minus device, as last seen
	// Changed is told of each change of an instance's state, after it is durable.
	Changed func(ctx context.Context, id instance.ID, from, to instance.State, cause fault.Kind)
	Log     *slog.Logger
}

// ServiceTime is the present by the service's own clock, as its last answer showed it.
// This device's may have been set by years, or never.
func (l *Loop) ServiceTime(tenant string) time.Time { return l.Clock.Wall().Add(l.Skew(tenant)) }

// Learn changes what a tenant taught. What cannot be written now holds all the same, and
// is written later.
func (l *Loop) Learn(ctx context.Context, tenant string, change func(*tms.Capabilities)) {
	if err := l.Capabilities.Update(ctx, tenant, change); err != nil {
		l.Log.WarnContext(ctx, "cannot store the forms of the tenant; regentd retries", "tenant", tenant, "err", err)
	}
}

// Retry ends the pauses after failures in which nothing reached the service: the cause may
// have been mended on this device. So may refresh.mode, where it is uncertain how to
// refresh. What a service asked for, a refused registration token and the limits stay.
func (l *Loop) Retry() {
	l.Pauses.Retry()
	l.Kick()
}
