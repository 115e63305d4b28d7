//go:build unix

package stories

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"regent/ipc/api"
	"regent/ipc/client"
)

// TestLiveReload edits files of a daemon that runs, and measures the time
// until it says that the edit is in force. 10 s is the promise.
func TestLiveReload(t *testing.T) {
	const promise = 10 * time.Second
	edits := 2 // one of each way
	if *long {
		edits = 12
	}
	dir := shortDir(t)
	for _, sub := range []string{"etc/config.d", "etc/policy.d"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c := liveDaemon(t, dir)
	places := []string{"etc/config.d/50-edit.yaml"}
	if os.Getuid() == 0 {
		places = append(places, "etc/policy.d/50-edit.yaml") // after: it outranks the other
	}
	for _, place := range places {
		var took []time.Duration
		for i := range edits {
			want := fmt.Sprintf("%ds", 10+i)
			path := filepath.Join(dir, place)
			start := time.Now()
			if i%2 == 0 { // in place, and as editors and management systems do
				writeFile(t, path, "network: {timeout: "+want+"}\n")
			} else {
				writeFile(t, path+".new", "network: {timeout: "+want+"}\n")
				if err := os.Rename(path+".new", path); err != nil {
					t.Fatal(err)
				}
			}
			awaitValue(t, c, "network.timeout", want, 3*promise)
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		t.Logf("%s: %d edits, applied after %s (median), %s (longest)", place, edits, took[edits/2].Round(time.Millisecond), took[edits-1].Round(time.Millisecond))
		if took[edits-1] > promise {
			t.Errorf("%s: an edit took %s, want at most %s", place, took[edits-1], promise)
		}
	}
}

// liveDaemon starts the real daemon with what is below dir, and returns a client
// of it.
func liveDaemon(t *testing.T, dir string) *client.Client {
	t.Helper()
	socket := filepath.Join(dir, "agent.sock")
	writeFile(t, filepath.Join(dir, "etc", "config.yaml"), "log: {level: error}\n")
	cmd := exec.Command(filepath.Join(programs(t), "regentd"), "run", "--config", filepath.Join(dir, "etc", "config.yaml"),
		"--policy-dir", filepath.Join(dir, "etc", "policy.d"), "--state-dir", filepath.Join(dir, "state"), "--socket", socket)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	c := client.New(client.Options{Socket: socket})
	t.Cleanup(c.Close)
	awaitValue(t, c, "network.timeout", "30s", patience)
	return c
}

// awaitValue asks again and again, at most every few milliseconds.
func awaitValue(t *testing.T, c *client.Client, key, want string, limit time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		p, err := c.Policy(ctx)
		i := slices.IndexFunc(p.Keys, func(k api.PolicyKey) bool { return k.Key == key })
		if err == nil && i >= 0 && p.Keys[i].Value == want {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s is not %s after %s: %v, %v", key, want, limit, p.Keys, err)
		case <-tick.C:
		}
	}
}
