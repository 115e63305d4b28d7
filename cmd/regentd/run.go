package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/doctor"
	"regent/agent/policy"
	"regent/ipc/server"
	"regent/platform/process"

	"regent/platform/layout"
	"regent/platform/signals"
)

func newRun(stderr io.Writer) *cobra.Command {
	var o options
	p := layout.DefaultPaths()
	cmd := &cobra.Command{
		Use:   "run",
		Short: "run the daemon until it is told to stop",
		Long: `run serves local applications until SIGTERM or SIGINT, then finishes what is
under way and exits 0. SIGHUP reads the configuration again; one that is not good
is reported and the old one stays in force.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.setDefaults(cmd.Flags())
			// Before anything is read that could be a secret.
			if err := process.DisableDump(); err != nil {
				return err
			}
			limitToOneCore(os.Getenv("GOMAXPROCS"))
			return o.serve(cmd.Context(), stderr)
		},
	}
	o.addConfigFlags(cmd.Flags(), p)
	cmd.Flags().StringVar(&o.stateDir, "state-dir", p.StateDir, "`directory` of the sealed state")
	cmd.Flags().StringVar(&o.socket, "socket", p.Socket, "`path` of the socket")
	cmd.Flags().StringVar(&o.credentialSocket, "credential-socket", "", "`path` of a socket for LoadCredential= of units; none, unless the service manager passes one on")
	cmd.Flags().StringVar(&o.hostFacts, "host-facts", filepath.Join(filepath.Dir(p.Socket), "host-facts"), "`file` in which root has noted what tells this device from another")
	cmd.Flags().StringVar(&o.logLevel, "log-level", "", "`level` that overrides the configuration, but no policy: debug, info, warn, error")
	return cmd
}

// limitToOneCore runs Go code on one core, unless the environment says otherwise.
// An answer takes microseconds and several short system calls, around each of
// which the runtime would wake another thread to take over; that costs more
// than half of the answer. Waiting, for the disk or the network, stops nobody.
func limitToOneCore(said string) {
	if said == "" {
		runtime.GOMAXPROCS(1)
	}
}

// run is the daemon's lives: one after the other, as long as a deed with the
// store asks for another.
func (o *options) run(ctx context.Context, stderr io.Writer) error {
	hup := signals.CatchHangup()
	defer notifyStopping(ctx, sdNotify)()
	sockets, err := inheritSockets()
	if err != nil {
		return err
	}
	o.jobs, o.logLoss = newStoreJobs(), &process.LostRecords{}
	for {
		err := o.runOnce(ctx, stderr, sockets, hup)
		if err != nil || ctx.Err() != nil || !o.jobs.restartRequested() {
			return err
		}
	}
}

// runOnce is one life: load, open, serve, drain.
func (o *options) runOnce(ctx context.Context, stderr io.Writer, sockets inheritedSockets, hup <-chan os.Signal) (err error) {
	r, err := newReloader(o)
	if err != nil {
		return err
	}
	r.hup = hup
	logging := newLogging(stderr, r.settings.Log, o.logLoss)
	logProblems(ctx, logging.Logger, r.problems)

	d, err := o.open(ctx, r.settings, r.problems, logging.Logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()

	// The socket opens after the records are loaded: who can connect is served.
	// One that the service manager opened before is served from now on.
	ln, err := sockets.listen(o.socket)
	if err != nil {
		return err
	}
	r.agent, r.logging = d.agent, logging
	r.image = d.image
	o.logLoss.Notify(d.reportLoss)
	r.saveManaged(ctx)
	loops, err := d.loops(ln, r, logging.Logger)
	if err == nil {
		loops, err = d.addCredentialLoop(loops, sockets, o.credentialSocket, logging.Logger)
	}
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	o.notifyReady()
	logging.InfoContext(ctx, "ready", "socket", ln.Addr().String(), "version", version)
	err = runWithCore(ctx, d.agent.Run, loops...)
	d.saveMark(context.WithoutCancel(ctx), logging.Logger)
	logging.InfoContext(context.WithoutCancel(ctx), "stopped")
	return err
}

// now is civil time, for what is shown to people and for caches.
var now = time.Now //nolint:forbidigo // the program's own clock, passed in everywhere else

// loops are all that runs in the daemon beside the agent.
func (d *daemon) loops(ln net.Listener, r *reloader, log *slog.Logger) ([]func(context.Context) error, error) {
	keeper := &storeAdmin{agent: d.agent, jobs: r.jobs, guard: d.guard, store: d.store, options: r.options}
	r.retryStore = keeper.retry
	cs := newCallerResolver(d.uid, now)
	total := maxConnections(log)
	s, err := server.New(server.Deps{
		Agent: d.agent, StoreManager: keeper, Reload: r.reloadFor, Policy: r.policyReport, Diagnose: r.diagnose,
		AccountOf: cs.quotaOwner, Identify: cs.identify, IdentifyPID: cs.inspect, MaxConnections: total, Now: now, Log: log,
	})
	if err != nil {
		return nil, err
	}
	intake := newTokenImporter(d.agent, log, r.isUnregistered)
	r.rescanTokenFiles = intake.watch.CheckNow
	notify, err := newNotifier(d.agent, log)
	if err != nil {
		return nil, err
	}
	return []func(context.Context) error{
		r.watch, d.runMark, d.audit.Run, r.jobs.Run,
		func(ctx context.Context) error { return s.Serve(ctx, ln) },
		intake.Run,
		r.Run,
		notify.Run,
		newTextfile(r.started.MetricsTextfile, d.agent, log).Run,
	}, nil
}

// runMark lets the store's mark follow it.
func (d *daemon) runMark(ctx context.Context) error {
	if d.store == nil || d.store.Mark() == nil {
		<-ctx.Done()
		return nil
	}
	return d.store.Mark().Run(ctx)
}

// reportLoss shows in the status that the log cannot be written.
func (d *daemon) reportLoss(lost int, why error) {
	if lost == 0 {
		d.agent.Report(doctor.LogSource, "")
		return
	}
	d.agent.Report(doctor.LogSource, fmt.Sprintf("records that could not be written to the log: %d: %v", lost, why))
}

// saveMark marks what the agent wrote last.
func (d *daemon) saveMark(ctx context.Context, log *slog.Logger) {
	if d.store == nil || d.store.Mark() == nil {
		return
	}
	if err := d.store.Mark().Save(ctx); err != nil {
		log.WarnContext(ctx, "the last writes were not marked, so an older state directory might not be noticed", "err", err)
	}
}

// runWithCore runs loops together, and core until after the last of them: a
// request that is being drained may wait for what core does. If core ends
// before, so do they.
func runWithCore(ctx context.Context, core func(context.Context) error, loops ...func(context.Context) error) error {
	own, stopCore := context.WithCancel(context.WithoutCancel(ctx))
	defer stopCore()
	ended := make(chan struct{})
	var coreErr error
	go func() {
		defer close(ended)
		coreErr = core(own)
	}()
	err := runAll(ctx, append(loops, func(ctx context.Context) error {
		select {
		case <-ctx.Done():
		case <-ended:
		}
		return nil
	})...)
	stopCore()
	<-ended
	return errors.Join(err, coreErr)
}

// runAll runs loops until ctx is done or one of them fails, and returns after
// the last has ended.
func runAll(ctx context.Context, loops ...func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, len(loops))
	var running sync.WaitGroup
	for i, loop := range loops {
		running.Go(func() {
			defer stop()
			if err := loop(ctx); err != nil && !errors.Is(err, context.Canceled) {
				errs[i] = err
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

func logProblems(ctx context.Context, log *slog.Logger, problems []policy.Problem) {
	for _, p := range problems {
		log.WarnContext(ctx, "configuration", "problem", p.Error())
	}
}
