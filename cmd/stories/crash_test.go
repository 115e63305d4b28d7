//go:build crash && linux && amd64

package stories

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/tms/emulator"
	"regent/ipc/api"
)

// everyFlag thins the matrix out: CI makes every nth run of it.
var everyFlag = flag.Int("crash-every", 1, "make only every nth run of the crash matrix")

// parallelRuns is how many runs are made at one time: they mostly wait.
const parallelRuns = 4

// TestCrashMatrix lets one thing go wrong at every position of a redemption and
// of a refresh, one for each run, with the real regentd against the emulator:
// the power goes before a call, or a call fails. Then regentd is started again
// with nothing wrong. Whatever happened, every count is accounted for, no auth
// token that was confirmed is lost, and nothing panics.
func TestCrashMatrix(t *testing.T) {
	bin := programs(t)
	grace := emulator.Knobs{ReuseGrace: 30 * time.Second}
	strict := emulator.Knobs{}
	off := emulator.Knobs{Rotation: emulator.RotationOff}
	table := &outcomes{seen: map[string]map[string]int{}}
	for _, sc := range []crashScenario{
		{name: "redeem", knobs: strict},
		{name: "refresh, strict rotation", knobs: strict, refresh: true, mayLose: true},
		{name: "refresh, 30 s grace", knobs: grace, refresh: true},
		{name: "refresh, no rotation", knobs: off, refresh: true},
	} {
		t.Run(sc.name, func(t *testing.T) {
			sc.bin, sc.table = bin, table
			sc.run(t)
		})
	}
	t.Logf("\n%s", table)
}

// TestPositionsMatchStrace holds the tracer's list against strace's: for one
// first start, as many calls that change a file or its name, and as many
// connections.
func TestPositionsMatchStrace(t *testing.T) {
	bin := programs(t)
	want, marked := map[string]int{}, false
	s := newTestDevice(t, bin, emulator.Knobs{}, nil)
	d, report := s.startTraced(t, position{}, "")
	s.awaitEnd(t, d, patience)
	s.awaitWritten(t)
	d.stop(t)
	for _, p := range readPositions(t, report) {
		call, _, _ := strings.Cut(p.Call, " ")
		if p.Call != "write tcp" && !unstableCalls.MatchString(p.Call) {
			want[call]++
		}
		marked = marked || p.Call == "rename ../state.mark"
	}
	if !marked {
		t.Error("the tracer has not seen the mark, which lies beside the state directory")
	}
	got := countByStrace(t, newTestDevice(t, bin, emulator.Knobs{}, nil))
	for _, call := range []string{"rename", "fsync", "unlink", "mkdir", "connect"} {
		if got[call] != want[call] || want[call] == 0 && call != "unlink" {
			t.Errorf("%s: strace counts %d, the tracer %d", call, got[call], want[call])
		}
	}
	t.Logf("strace and the tracer agree: %v", got)
}

// straceCalls are the calls by strace's names, in a line of its output that names
// the state directory or an address of the Internet.
var straceCalls = regexp.MustCompile(`\b(rename|fsync|unlink|mkdir|connect)(at2?)?\(`)

// unstableCalls is what two runs do a different number of times: a request more or
// less is audited, and the mark follows the store by the second.
var unstableCalls = regexp.MustCompile(`audit|\.mark|fsync \.\.$`)

// countByStrace runs the first start of a device under strace.
func countByStrace(t *testing.T, fresh *testDevice) map[string]int {
	t.Helper()
	out := filepath.Join(fresh.dir, "strace")
	args := append([]string{"strace", "-f", "-y", "-e", "trace=renameat,renameat2,fsync,unlinkat,mkdirat,connect", "-o", out}, fresh.args()...)
	d := &daemonProcess{cmd: exec.Command(args[0], args[1:]...)}
	d.pid = func() int {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", d.cmd.Process.Pid))
		pid, bad := strconv.Atoi(strings.TrimSpace(string(children)))
		if err := errors.Join(err, bad); err != nil {
			t.Fatal(err)
		}
		return pid
	}
	fresh.launch(t, d)
	fresh.awaitEnd(t, d, patience)
	fresh.awaitWritten(t)
	d.stop(t)
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for line := range strings.Lines(string(text)) {
		m := straceCalls.FindStringSubmatch(line)
		if m != nil && !unstableCalls.MatchString(line) && (strings.Contains(line, filepath.Join(fresh.dir, "state")) || strings.Contains(line, "AF_INET")) {
			got[m[1]]++
		}
	}
	return got
}

// crashScenario is what is interrupted.
type crashScenario struct {
	name    string
	bin     string
	knobs   emulator.Knobs
	refresh bool // of an auth token that was redeemed before; else the first start
	mayLose bool // refresh_lost is an end that the service's rules can force
	table   *outcomes
}

// run enumerates the positions and then visits each.
func (sc crashScenario) run(t *testing.T) {
	positions := sc.once(t, position{}, "")
	if len(positions) < 10 {
		t.Fatalf("only %d positions: %v", len(positions), positions)
	}
	t.Logf("%d positions", len(positions))
	var visits sync.WaitGroup
	free := make(chan struct{}, parallelRuns)
	n := 0
	for _, do := range []string{"KILL", "EIO", "ENOSPC"} {
		for _, at := range positions {
			if n++; n%*everyFlag != 0 {
				continue
			}
			free <- struct{}{}
			visits.Go(func() {
				defer func() { <-free }()
				t.Run(do+" at "+at.String(), func(t *testing.T) { sc.once(t, at, do) })
			})
		}
	}
	visits.Wait()
	sc.table.positions(sc.name, len(positions))
}

// once makes one run on a device of its own, and returns the positions that it
// passed.
func (sc crashScenario) once(t *testing.T, at position, do string) []position {
	s := newTestDevice(t, sc.bin, sc.knobs, nil)
	if sc.refresh {
		s.prepare(t)
	}
	d, report := s.startTraced(t, at, do)
	s.awaitEnd(t, d, crashDevice)
	d.stop(t)
	passed := readPositions(t, report)
	reached := do == "" || slices.Contains(passed, at)

	d = s.start(t)
	end := s.awaitEnd(t, d, patience)
	s.judge(t, sc, end)
	d.stop(t)
	if do != "" {
		sc.table.add(sc.name+"\t"+do, end, reached)
	}
	return passed
}

// prepare redeems an auth token whose access token is at its end when prepare
// returns; the one after it lives long, so that one refresh is all there is.
func (s *testDevice) prepare(t *testing.T) {
	t.Helper()
	knobs := s.service.Knobs()
	life := knobs.AccessLifetime
	knobs.AccessLifetime = time.Second
	s.turn(t, knobs)
	d := s.start(t)
	for s.service.State().Redeemed == 0 || s.state(t) != "live" && s.state(t) != "expired" {
		d.alive(t)
		time.Sleep(10 * time.Millisecond)
	}
	d.stop(t)
	knobs.AccessLifetime = life
	time.Sleep(time.Second)
	s.turn(t, knobs)
}

func (s *testDevice) turn(t testing.TB, k emulator.Knobs) {
	t.Helper()
	if err := s.service.SetKnobs(k); err != nil {
		t.Fatal(err)
	}
}

// runResult is how a run came out.
type runResult struct {
	state string     // of the instance
	code  fault.Kind // of a request for its token; "" if that was served
}

// crashDevice is how long a daemon is left to whatever went wrong: a call that
// failed is tried again within seconds.
const crashDevice = 6 * time.Second

// awaitEnd waits until the instance has come to an end, or the daemon has, or
// neither for a while.
func (s *testDevice) awaitEnd(t *testing.T, d *daemonProcess, most time.Duration) (end runResult) {
	t.Helper()
	for until := time.Now().Add(most); time.Now().Before(until) && !d.ended(); time.Sleep(15 * time.Millisecond) {
		end.state = s.state(t)
		if end.state == "" || end.state == "unredeemed" {
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_, err := s.client.Token(ctx, api.TokenRequest{Application: "cad"})
		cancel()
		if end.code = ""; err != nil {
			end.code = fault.KindOf(err)
		}
		if end.state = s.state(t); end.code == "" || end.state == "uncertain" || end.state == "refresh_lost" || end.code == fault.RefreshUncertain {
			return end
		}
	}
	return end
}

// endedLedger waits until each redemption of the ledger has a result: the daemon may serve a
// token just before it writes that. It returns the ledger, and the last kind of each entry.
func (s *testDevice) endedLedger(t *testing.T) (l api.Ledger, became map[string]redeem.Kind) {
	t.Helper()
	for until := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		var err error
		if l, err = s.client.VerifiedLedger(t.Context()); err != nil {
			t.Fatalf("the ledger: %v", err)
		}
		became = map[string]redeem.Kind{}
		for _, e := range l.Entries {
			became[e.ID] = e.Kind
		}
		open := slices.Contains(slices.Collect(maps.Values(became)), redeem.Intent)
		if !open || time.Now().After(until) {
			return l, became
		}
	}
}

// awaitWritten waits until the daemon has written all that a redemption comes to. It
// deletes the registration token last.
func (s *testDevice) awaitWritten(t *testing.T) {
	t.Helper()
	s.endedLedger(t)
	for until := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		st, err := s.client.Status(t.Context())
		_, file := os.Stat(filepath.Join(s.dir, "token"))
		if err == nil && st.Tenants[0].RegistrationToken == nil && os.IsNotExist(file) {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("a registration token is left: %+v, %v, its file: %v", st.Tenants, err, file)
		}
	}
}

// judge compares what the service counted with what the device says.
func (s *testDevice) judge(t *testing.T, sc crashScenario, end runResult) {
	t.Helper()
	l, became := s.endedLedger(t)
	confirmed, uncertain := 0, 0
	for _, kind := range became {
		switch kind {
		case redeem.Confirmed:
			confirmed++
		case redeem.Uncertain:
			uncertain++
		}
	}
	used := s.service.State().Redeemed
	if used < confirmed || used > confirmed+uncertain {
		t.Errorf("%d counts used, %d confirmed, %d uncertain: they do not account for each other; ledger %v", used, confirmed, uncertain, l.Entries)
	}
	if used > 1 {
		t.Errorf("%d counts used for one instance, without retries", used)
	}
	switch {
	case end.state == "live" && end.code == "":
	case end.state == "uncertain" && confirmed == 0 && !sc.refresh:
	case end.state == "refresh_lost" && end.code == fault.RefreshLost && sc.mayLose:
	case end.code == fault.RefreshUncertain && sc.mayLose: // no mode has worked yet, so no refusal ends it
	default:
		t.Errorf("it ends %q, and a request for its token with %q; %d confirmed", end.state, end.code, confirmed)
	}
}

// startTraced starts regentd with something that goes wrong, and returns the
// file in which the tracer reports.
func (s *testDevice) startTraced(t *testing.T, at position, do string) (d *daemonProcess, report string) {
	t.Helper()
	report = filepath.Join(s.dir, "report")
	spec, err := json.Marshal(tracerSpec{Dir: filepath.Join(s.dir, "state"), Report: report, Args: s.args(), At: at, Do: do})
	if err != nil {
		t.Fatal(err)
	}
	d = &daemonProcess{cmd: exec.Command(os.Args[0])}
	d.cmd.Env = append(os.Environ(), tracerEnv+"="+string(spec))
	d.pid = func() int {
		b, err := os.ReadFile(report)
		line, _, _ := strings.Cut(string(b), "\n")
		pid, bad := strconv.Atoi(line)
		if err := errors.Join(err, bad); err != nil {
			t.Fatal(err)
		}
		return pid
	}
	s.launch(t, d)
	return d, report
}

// readPositions lists the positions that a traced daemon passed.
func readPositions(t *testing.T, report string) (all []position) {
	t.Helper()
	f, err := os.Open(report)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Scan() // its pid
	for lines.Scan() {
		var p position
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		all = append(all, p)
	}
	return all
}

// outcomes is the table that the matrix ends with. It is safe for concurrent use.
type outcomes struct {
	mu     sync.Mutex
	seen   map[string]map[string]int // by disturbance and fault, by end
	counts []string
}

func (o *outcomes) positions(name string, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts = append(o.counts, fmt.Sprintf("%s: %d positions", name, n))
}

func (o *outcomes) add(row string, end runResult, reached bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen[row] == nil {
		o.seen[row] = map[string]int{}
	}
	o.seen[row]["runs"]++
	if end.code == fault.RefreshUncertain {
		end.state = string(end.code)
	}
	o.seen[row][end.state]++
	if !reached {
		o.seen[row]["position not reached"]++
	}
}

// String is the table.
func (o *outcomes) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var b strings.Builder
	for _, line := range o.counts {
		fmt.Fprintln(&b, line)
	}
	columns := []string{"runs", "live", "uncertain", "refresh_lost", "refresh_uncertain", "position not reached"}
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "interrupted\tby\t%s\n", strings.Join(columns, "\t"))
	for _, row := range slices.Sorted(maps.Keys(o.seen)) {
		fmt.Fprint(w, row)
		for _, c := range columns {
			fmt.Fprintf(w, "\t%d", o.seen[row][c])
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	return b.String()
}
