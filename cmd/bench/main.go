// Command bench measures what the local interface costs, against what it could
// cost at least: a bare net/http handler with the same payload, and an echo over
// a raw socket, each a process of its own over the same kind of socket, asked by
// the same raw client in one run, by turns. It ends with one table in which every
// goal has its limit and whether it was met.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) //nolint:forbidigo // main
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // stop only undoes what the end of the program does
	}
}

// options say how thoroughly it is measured.
type options struct {
	programs string        // directory of the programs
	idleTime time.Duration // in which wake-ups are counted
	slice    time.Duration // of one server, before the next one's
	rounds   int
}

func run(ctx context.Context, args []string) error {
	if len(args) == 3 && args[0] == "serve" {
		return serve(ctx, args[1], args[2])
	}
	o := options{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&o.programs, "bin", "bin", "`directory` of the programs")
	f.DurationVar(&o.idleTime, "idle", time.Minute, "how long an idle daemon is watched")
	f.DurationVar(&o.slice, "turn", 300*time.Millisecond, "how long each server is asked before the next one")
	f.IntVar(&o.rounds, "rounds", 7, "how many `turns` each server has")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unknown arguments %q", f.Args())
	}
	return o.measure(ctx)
}

// measure sets everything up, measures, and prints the table.
func (o options) measure(ctx context.Context) (err error) {
	s, err := newStage(o.programs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.startService(ctx); err != nil {
		return err
	}
	b := &bench{options: o, stage: s, table: &table{out: os.Stdout}}
	for _, part := range []func(context.Context) error{
		b.setUp, b.measureRates, b.measureInProcess, b.measureTokenSource, b.measureProcess, b.measureStart, b.measureMemory, b.measureSizes, b.measureWakeUps,
	} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return b.print()
}

// now is the time of day: what is measured here is time itself.
func now() time.Time { return time.Now() } //nolint:forbidigo // see above

func since(t time.Time) time.Duration { return now().Sub(t) }
