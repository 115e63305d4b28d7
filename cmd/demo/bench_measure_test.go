package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"time"

	"regent/agent/status"
	"regent/ipc/api"
	"regent/ipc/client"
)

// smallCount is the usual number of instances, for the goals about start and memory.
const smallCount = 100

// benchOptions are the durations and the number of rounds.
type benchOptions struct {
	idleTime time.Duration // duration of counting wake-ups
	slice    time.Duration // turn of one server
	rounds   int
}

// bench is the set of measurements. Each adds lines to the table.
type bench struct {
	benchOptions
	*stage
	*table
	devices map[int]*device // by number of instances
	sockets []target        // of the comparison
}

// runBench measures the cost of the local interface. It compares it with a bare net/http
// handler with the same payload. Each server is a process on the same kind of socket. One raw client asks them in turn. At the end a table
// lists every goal with its limit and the result.
func runBench(ctx context.Context, args []string, stdout io.Writer) (err error) {
	f := flag.NewFlagSet("demo bench", flag.ContinueOnError)
	bin := f.String("bin", "bin", "`directory` of the programs")
	var o benchOptions
	f.DurationVar(&o.idleTime, "idle", time.Minute, "how long an idle daemon is watched")
	f.DurationVar(&o.slice, "turn", 300*time.Millisecond, "how long each server is asked before the next one")
	f.IntVar(&o.rounds, "rounds", 7, "how many `turns` each server has")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unknown arguments %q", f.Args())
	}
	s, err := newStage(*bin, &transcript{w: io.Discard})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close(), os.RemoveAll(s.dir)) }()
	if err := s.startService(ctx); err != nil {
		return err
	}
	b := &bench{benchOptions: o, stage: s, table: &table{out: stdout}}
	for _, part := range []func(context.Context) error{
		b.setUp, b.measureRates, b.measureInProcess, b.measureTokenSource, b.measureProcess, b.measureStart, b.measureMemory, b.measureSizes, b.measureWakeUps,
	} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return b.print()
}

// target is a server in the comparison.
type target struct {
	name, socket string
	pid          int
}

// setUp starts the daemons and the servers for comparison.
func (b *bench) setUp(ctx context.Context) error {
	b.devices = map[int]*device{}
	for _, n := range []int{1, smallCount} {
		began := now()
		d, err := b.registeredDevice(ctx, n)
		if err != nil {
			return err
		}
		b.devices[n] = d
		fmt.Fprintf(os.Stderr, "%d instances were redeemed in %v\n", n, since(began).Round(time.Millisecond))
	}
	reply, err := askOnce(ctx, b.devices[1].socket)
	if err != nil {
		return err
	}
	_, payload, _ := bytes.Cut(reply, headerEnd)
	if err := b.startReference(ctx, payload); err != nil {
		return err
	}
	b.sockets = append(b.sockets, target{"agent", b.devices[1].socket, b.devices[1].cmd.Process.Pid})
	b.fact("%s, %d cores, Go %s; a reply has %d bytes\t", hostname(), runtime.NumCPU(), runtime.Version(), len(payload))
	return nil
}

func hostname() string {
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease") // where it is not Linux there is none to show
	return runtime.GOOS + "/" + runtime.GOARCH + " " + string(bytes.TrimSpace(release))
}

// registeredDevice starts a daemon and waits until all its instances are redeemed.
func (b *bench) registeredDevice(ctx context.Context, instances int) (*device, error) {
	count := strconv.Itoa(instances)
	d, _, err := b.newDevice("device-"+count, instances, "limits: {redeem_splay: 0s}\nlog: {level: warn}\n")
	if err != nil {
		return nil, err
	}
	if err := b.startDaemon(ctx, d); err != nil {
		return nil, err
	}
	token := b.at(d.name + "/token")
	if _, err := b.output(ctx, "tmsctl", b.admin("registration-token", "create", "--count", count, "--out", token)...); err != nil {
		return nil, err
	}
	if _, err := b.output(ctx, "regent", "--socket", d.socket, "register", "--file", token); err != nil {
		return nil, err
	}
	return d, b.statusUntil(ctx, time.Minute, d, func(st status.Status) error {
		if st.Health != status.Serving {
			return fmt.Errorf("%s: %s", d.name, st.Summary)
		}
		return nil
	})
}

// startReference starts net/http, as a process of this program.
func (b *bench) startReference(ctx context.Context, payload []byte) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	socket := b.at("http.sock")
	c := exec.CommandContext(context.WithoutCancel(ctx), self, "serve", socket)
	c.Stdin, c.Stderr = bytes.NewReader(payload), os.Stderr
	if _, err := b.begin(c); err != nil {
		return err
	}
	b.sockets = append(b.sockets, target{"http", socket, c.Process.Pid})
	return retryUntil(ctx, startTimeout, func() error { _, err := os.Stat(socket); return err })
}

// measureRates asks all servers in turn, so that other load on the machine affects all of
// them.
func (b *bench) measureRates(ctx context.Context) error {
	b.fact("\nconnections\tserver\tp50\tp99\trate\tCPU for one")
	for _, keep := range []bool{true, false} {
		for _, n := range []int{1, 8, 64} {
			got, err := b.interleave(ctx, b.sockets, n, keep)
			if err != nil {
				return err
			}
			how := map[bool]string{true: "kept", false: "new"}[keep]
			for _, t := range b.sockets {
				s := got[t.name]
				b.fact("%d %s\t%s\t%s\t%s\t%.0f/s\t%s", n, how, t.name, micros(s.quantile(.5)), micros(s.quantile(.99)), s.rate(), micros(s.cost()))
			}
			b.addGoals(n, keep, got)
		}
	}
	return nil
}

// addGoals adds the goals of the comparison.
func (b *bench) addGoals(n int, keep bool, got map[string]sample) {
	agent, bare := got["agent"], got["http"]
	compare := func(what string, sign string, limit float64, show string, ours, theirs float64) {
		b.goal(goal{what, ours / theirs, sign, limit, ""}, show+" to "+show, ours, theirs)
	}
	how := map[bool]string{true: "kept connections", false: "new connections"}[keep]
	limits := map[bool][4]float64{true: {1, 0.9, 1.25, 1}, false: {1.35, 0.6, 0, 1}}[keep]
	if n == 1 {
		compare(how+", p50 to bare net/http", atMost, limits[0], "%.0f µs", micro(agent.quantile(.5)), micro(bare.quantile(.5)))
	}
	if n == 64 || n == 8 && keep {
		compare(fmt.Sprintf("%s, rate at %d", how, n), atLeast, limits[1], "%.0f/s", agent.rate(), bare.rate())
	}
	if n == 64 {
		compare(how+", p99 at 64", atMost, limits[3], "%.0f µs", micro(agent.quantile(.99)), micro(bare.quantile(.99)))
	}
	if n == 64 && keep {
		compare(how+", CPU for a request at 64", atMost, limits[2], "%.1f µs", micro(agent.cost()), micro(bare.cost()))
	}
}

func micro(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

func (b *bench) interleave(ctx context.Context, targets []target, n int, keep bool) (map[string]sample, error) {
	got := map[string]sample{}
	for range b.rounds {
		for _, t := range targets {
			before, err := cpuOf(t.pid)
			if err != nil {
				return nil, err
			}
			s, err := load(ctx, t.socket, n, keep, b.slice)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			after, err := cpuOf(t.pid)
			if err != nil {
				return nil, err
			}
			s.cpu = after - before
			all := got[t.name]
			all.add(s)
			got[t.name] = all
		}
	}
	return got, nil
}

var (
	allocated = regexp.MustCompile(`allocations: agent ([0-9.]+), bare ([0-9.]+)`)
	scaled    = regexp.MustCompile(`instances: (\d+), p50 ([0-9.]+) µs`)
)

// measureInProcess measures with the daemon inside a test: its allocations, and thousands of
// instances without a redemption for each.
func (b *bench) measureInProcess(ctx context.Context) error {
	c := exec.CommandContext(ctx, "go", "test", "-count=1", "-v", "-run", "^(TestAllocations|TestScale)$", "./cmd/regentd")
	out, err := c.CombinedOutput()
	m, sizes := allocated.FindSubmatch(out), scaled.FindAllSubmatch(out, -1)
	if err != nil || m == nil || len(sizes) < 2 {
		return fmt.Errorf("%s: %w\n%s", c, err, out)
	}
	agent, bare := number(m[1]), number(m[2])
	b.goal(goal{"allocations of a request beyond bare net/http", agent - bare, atMost, 10, ""}, "%.1f to %.1f", agent, bare)
	b.fact("\ninstances\t\tp50")
	for _, s := range sizes {
		b.fact("%s\tagent\t%s µs", s[1], s[2])
	}
	one, many := sizes[0], sizes[len(sizes)-1]
	b.goal(goal{fmt.Sprintf("p50 with %s instances to that with %s", many[1], one[1]), number(many[2]) / number(one[2]), atMost, 1.2, ""},
		"%s µs to %s µs", many[2], one[2])
	return nil
}

// number parses a number that a regular expression has matched.
func number(b []byte) float64 {
	n, _ := strconv.ParseFloat(string(b), 64)
	return n
}

// measureTokenSource measures a TokenSource that has a token.
func (b *bench) measureTokenSource(ctx context.Context) error {
	const times = 2_000_000
	c := client.New(client.Options{Socket: b.devices[1].socket})
	defer c.Close()
	source := c.TokenSource(api.TokenRequest{Application: "cad"})
	if _, err := source.Token(ctx); err != nil {
		return err
	}
	began := now()
	for range times {
		if _, err := source.Token(ctx); err != nil {
			return err
		}
	}
	b.goal(goal{"Go SDK with a cached token", float64(since(began).Nanoseconds()) / times, atMost, 200, " ns"}, "client.TokenSource.Token")
	return nil
}

// measureProcess runs regent token repeatedly.
func (b *bench) measureProcess(ctx context.Context) error {
	const times = 60
	var s sample
	for range times {
		began := now()
		if _, err := b.output(ctx, "regent", "--socket", b.devices[smallCount].socket, "token", "--application", "cad", "--instance", "2"); err != nil {
			return err
		}
		s.each = append(s.each, since(began))
	}
	b.goal(goal{"regent token, a whole process", millis(s.quantile(.5)), atMost, 10, " ms"},
		"p50 of %d; p99 %.1f ms; %d instances", times, millis(s.quantile(.99)), smallCount)
	return nil
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

// measureStart measures the time from the start of the process to its first token, for a
// client that is already waiting.
func (b *bench) measureStart(ctx context.Context) error {
	const times = 15
	d := b.devices[smallCount]
	var s sample
	for range times {
		if err := d.stop(); err != nil {
			return err
		}
		began := now()
		if err := b.startAndPoll(ctx, d); err != nil {
			return err
		}
		s.each = append(s.each, since(began))
	}
	b.goal(goal{"start to first token", millis(s.quantile(.5)), atMost, 50, " ms"},
		"p50 of %d; the longest %.1f ms; %d instances", times, millis(slices.Max(s.each)), smallCount)
	return nil
}

// startAndPoll starts the daemon and asks every half millisecond until there is an answer.
func (b *bench) startAndPoll(ctx context.Context, d *device) error {
	if err := b.launchDaemon(ctx, d); err != nil {
		return err
	}
	return retryEvery(ctx, 500*time.Microsecond, startTimeout, func() error { _, err := askOnce(ctx, d.socket); return err })
}
