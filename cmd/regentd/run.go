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
		Short: "Run the daemon until SIGTERM or SIGINT",
		Long: `run answers local applications until SIGTERM or SIGINT. It then finishes its
open requests and exits 0. SIGHUP reads the configuration again. If it is
invalid, regentd reports the error and keeps the previous configuration.`,
		Example: `  regentd run
  regentd run --config config.yaml --state-dir state --socket agent.sock`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.setDefaults(cmd.Flags())
			// Before the first read of a secret.
			if err := process.DisableDump(); err != nil {
				return err
			}
			return o.serve(cmd.Context(), stderr)
		},
	}
	o.addConfigFlags(cmd.Flags(), p)
	cmd.Flags().StringVar(&o.stateDir, "state-dir", p.StateDir, "`directory` of the sealed state")
	cmd.Flags().StringVar(&o.socket, "socket", p.Socket, "`path` of the socket")
	cmd.Flags().StringVar(&o.credentialSocket, "credential-socket", "", "`path` of a socket for LoadCredential= of units (default: the one that the service manager passes, if any)")
	cmd.Flags().StringVar(&o.hostFacts, "host-facts", filepath.Join(filepath.Dir(p.Socket), "host-facts"), "`file` that regentd host-facts has written")
	cmd.Flags().StringVar(&o.logLevel, "log-level", "", "`level` of the log: debug, info, warn or error; overrides the configuration, but not policy")
	return cmd
}

// run runs the daemon. It repeats [options.runOnce] as long as a store operation requests a
// restart.
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

// runOnce loads the configuration, opens the store, serves, and drains.
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

	// The socket opens after the records are loaded, so each connection gets an answer.
	// On a socket of the service manager, waiting clients now get theirs.
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

// now returns wall-clock time, for output and caches.
var now = time.Now //nolint:forbidigo // the program's own clock, passed in everywhere else

// loops returns all loops of the daemon except the agent's.
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
		newTextfile(r.started.MetricsTextfile, publishedMetrics(r.options.socket), d.agent, log).Run,
	}, nil
}

// runMark keeps the store's mark up to date until ctx is done.
func (d *daemon) runMark(ctx context.Context) error {
	if d.store == nil || d.store.Mark() == nil {
		<-ctx.Done()
		return nil
	}
	return d.store.Mark().Run(ctx)
}

// reportLoss reports to status that log records were lost.
func (d *daemon) reportLoss(lost int, why error) {
	if lost == 0 {
		d.agent.Report(doctor.LogSource, "")
		return
	}
	d.agent.Report(doctor.LogSource, fmt.Sprintf("cannot write to the log, %s lost: %v", plural(lost, "record"), why))
}

// saveMark updates the mark for the agent's last writes.
func (d *daemon) saveMark(ctx context.Context, log *slog.Logger) {
	if d.store == nil || d.store.Mark() == nil {
		return
	}
	if err := d.store.Mark().Save(ctx); err != nil {
		log.WarnContext(ctx, "cannot update the store's mark; regentd might not notice an older state directory", "err", err)
	}
}

// runWithCore runs loops and core concurrently. It stops core after the last loop, since an
// open request may wait for core. If core ends first, it stops the loops.
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

// runAll runs loops until ctx is done or one of them returns. It returns after the last one
// has ended.
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
