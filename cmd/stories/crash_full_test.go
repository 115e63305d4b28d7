//go:build crash && linux && amd64

package stories

import (
	"cmp"
	"path/filepath"
	"testing"
	"time"

	"regent/agent/fault"
	"regent/agent/tms/emulator"
	"regent/ipc/api"
)

// TestFullDisk starts regentd on a disk that takes nothing more, and then once
// more with room: what was good before is served throughout, nothing is asked of
// the service whose answer could not be kept, and then all is well.
func TestFullDisk(t *testing.T) {
	bin := programs(t)
	for _, tt := range []struct {
		name    string
		prepare func(*testDevice, *testing.T)
		during  fault.Kind // of a request for the token; "" if it is served
		used    int        // counts, while the disk is full
	}{
		{"a first start", func(*testDevice, *testing.T) {}, notRunning, 0},
		{"with a good access token", (*testDevice).redeemed, "", 1},
		{"with an access token that has ended", (*testDevice).prepare, fault.Unavailable, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newTestDevice(t, bin, emulator.Knobs{}, nil)
			tt.prepare(s, t)
			before := s.service.State().Requests
			d, _ := s.startTraced(t, position{}, fullDisk)
			code := s.code(t, d)
			if code != tt.during {
				t.Errorf("on a full disk a request for the token: got %q, want %q", code, tt.during)
			}
			if got := s.service.State(); got.Redeemed != tt.used || got.Requests[emulator.ClassRefresh] != before[emulator.ClassRefresh] {
				t.Errorf("on a full disk: %d counts used, requests %v after %v", got.Redeemed, got.Requests, before)
			}
			d.stop(t)
			d = s.start(t)
			defer d.stop(t)
			end := s.awaitEnd(t, d, patience)
			t.Logf("a full disk, %s: a request is answered %q; with room again it ends %s, %d counts used", tt.name, cmp.Or(code, "served"), end.state, s.service.State().Redeemed)
			if end.state != "live" || end.code != "" || s.service.State().Redeemed != 1 {
				t.Errorf("with room again it ends %q, %q, %d counts used", end.state, end.code, s.service.State().Redeemed)
			}
		})
	}
}

// redeemed redeems an auth token that lives on.
func (s *testDevice) redeemed(t *testing.T) {
	t.Helper()
	d := s.start(t)
	for s.state(t) != "live" {
		d.alive(t)
		time.Sleep(10 * time.Millisecond)
	}
	d.stop(t)
	if left, err := filepath.Glob(filepath.Join(s.dir, "token")); err != nil || len(left) != 0 {
		t.Fatalf("the registration token's file is still there: %v", err)
	}
}

// notRunning is said of a daemon that has ended: one that never had its state directory
// cannot keep a thing, and says so.
const notRunning fault.Kind = "ended"

// code is what a request for the token comes to, "" if it is served.
func (s *testDevice) code(t *testing.T, d *daemonProcess) fault.Kind {
	t.Helper()
	if d.ended() {
		return notRunning
	}
	if _, err := s.client.Token(t.Context(), api.TokenRequest{Application: "cad"}); err != nil {
		return fault.KindOf(err)
	}
	return ""
}
