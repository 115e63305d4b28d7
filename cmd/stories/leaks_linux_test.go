package stories

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	leakRequests    = flag.Int("leak-requests", 20_000, "requests with which TestLeaks makes")
	leakConnections = flag.Int("leak-connections", 2_000, "connections that hang up in TestLeaks")
	leakRest        = flag.Duration("leak-rest", 3*time.Second, "how long TestLeaks waits before it measures: after 80 s the audit log's counts are written too")
)

// resources is what a process takes up.
type resources struct{ Goroutines, Descriptors, KiB int }

// meteredDaemon is a daemon that says what it takes up.
type meteredDaemon struct {
	*daemonProcess
	ask     io.Writer
	replies *json.Decoder
}

func (w *meteredDaemon) measure(t *testing.T) (got resources) {
	t.Helper()
	if _, err := io.WriteString(w.ask, "\n"); err != nil {
		t.Fatal(err)
	}
	if err := w.replies.Decode(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

// awaitIdle waits until the daemon takes up no more than before, or, with nothing to
// compare with, until it takes up the same for two seconds. It does not wait for ever.
func (w *meteredDaemon) awaitIdle(t *testing.T, before resources) resources {
	t.Helper()
	got, same := w.measure(t), 0
	for until := time.Now().Add(patience); time.Now().Before(until); {
		time.Sleep(200 * time.Millisecond)
		now := w.measure(t)
		if same++; now.Goroutines != got.Goroutines || now.Descriptors != got.Descriptors {
			same = 0
		}
		got = now
		if before == (resources{}) && same >= 10 || got.Goroutines <= before.Goroutines && got.Descriptors <= before.Descriptors {
			break
		}
	}
	return got
}

// TestLeaks: so many requests, and connections that hang up at every endpoint and
// moment, leave a daemon with 1,000 instances as it was after the first 10,000: as
// many goroutines and descriptors, and the same memory but for 4 MiB.
func TestLeaks(t *testing.T) {
	needsLong(t, "make memory")
	const first, most = 10_000, 4 << 10
	b, w := startMetered(t)
	var attackers []*attacker
	for range 4 {
		attackers = append(attackers, startAttacker(t, exec.Command(filepath.Join(b.bin, "attacker"))))
	}
	load := func(requests, connections int) {
		for _, a := range attackers {
			if _, err := fmt.Fprintf(a.in, "hangups %s %d %d\n", b.socket(), requests/len(attackers), connections/len(attackers)); err != nil {
				t.Fatal(err)
			}
		}
		for _, a := range attackers {
			if line, err := a.out.ReadString('\n'); line != "done\n" {
				t.Fatalf("got %q, %v", line, err)
			}
		}
	}
	load(first, first/10)
	time.Sleep(*leakRest)
	before := w.awaitIdle(t, resources{})
	began := time.Now()
	load(*leakRequests, *leakConnections)
	took := time.Since(began)
	time.Sleep(*leakRest)
	after := w.awaitIdle(t, before)
	t.Logf("after %d requests: %+v; after %d requests more, and %d connections that hung up, in %v: %+v", first, before, *leakRequests, *leakConnections, took.Round(time.Second), after)
	if after.Goroutines > before.Goroutines || after.Descriptors > before.Descriptors {
		t.Errorf("it took up %+v, and takes up %+v", before, after)
	}
	if after.KiB > before.KiB+most {
		t.Errorf("it had %d KiB, and has %d: more than %d have stayed", before.KiB, after.KiB, most)
	}
	w.alive(t)
	w.stop(t)
}

// startMetered is a device whose daemon says what it takes up.
func startMetered(t *testing.T) (*victim, *meteredDaemon) {
	w := &meteredDaemon{}
	b, d := newFloodVictim(t, func(t *testing.T, s *testDevice) *daemonProcess {
		config, err := os.ReadFile(filepath.Join(s.dir, "config.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		s.write(t, "config.yaml", strings.Replace(string(config), "instances: 1,", "instances: 1000, redeem: on_demand,", 1))
		d := &daemonProcess{cmd: exec.Command(buildWith(t, "metered/metered.go"), s.args()[1:]...)}
		d.pid = func() int { return d.cmd.Process.Pid }
		in, err := d.cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, to, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		w.ask, w.replies = in, json.NewDecoder(out)
		d.cmd.ExtraFiles = []*os.File{to}
		s.launch(t, d)
		t.Cleanup(func() { _, _ = in.Close(), out.Close() })
		if err := to.Close(); err != nil {
			t.Error(err)
		}
		for until := time.Now().Add(patience); s.state(t) != "live" && time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
			s.requestToken(t) // the registration token may have yet to come
		}
		return d
	})
	w.daemonProcess = d
	return b, w
}
