package stories

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/agent/tms/emulator"
	"regent/ipc/api"
)

// TestDoctorDiskFull fills the disk of the state under a running daemon: doctor
// names that and nothing else, and a hand-out is refused only where policy ties
// it to the record. Once there is room, all is well by itself.
func TestDoctorDiskFull(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not run: a file system can be mounted by root alone")
	}
	bin := programs(t)
	for _, tt := range []struct {
		audit string
		want  fault.Kind // of a request for a token; "" is one
	}{{"best_effort", ""}, {"required", fault.Unavailable}} {
		t.Run(tt.audit, func(t *testing.T) {
			w := &sickDevice{testDevice: newTestDevice(t, bin, emulator.Knobs{AccessLifetime: time.Hour}, nil)}
			w.edit(t, "applications:", "audit: "+tt.audit+"\napplications:")
			state := filepath.Join(w.dir, "state")
			must(t, os.Mkdir(state, 0o700))
			if err := unix.Mount("tmpfs", state, "tmpfs", 0, "size=1m,mode=700"); err != nil {
				t.Skip("not run: this machine lets nobody mount:", err)
			}
			t.Cleanup(func() { must(t, unix.Unmount(state, unix.MNT_DETACH)) })
			w.d = w.start(t)
			awaitTokenUsed(t, w)

			ballast := filepath.Join(state, "ballast")
			fillDisk(t, ballast)
			if got := w.last(t, 100); got != tt.want {
				t.Errorf("Token on a full disk: %q, want %q", got, tt.want)
			}
			report, code := w.doctor(t)
			if len(report.Findings) != 1 || report.Findings[0].Code != doctor.DiskFull || code != 7 {
				t.Errorf("doctor exits %d with %+v, want %s alone", code, report.Findings, doctor.DiskFull)
			}
			must(t, os.Remove(ballast))
			if _, err := w.client.Token(t.Context(), api.TokenRequest{Application: "cad"}); err != nil {
				t.Errorf("Token when there is room again: %v", err)
			}
			if report, code := w.doctor(t); len(report.Findings) != 0 || code != 0 {
				t.Errorf("doctor exits %d with %+v when there is room again", code, report.Findings)
			}
			w.d.stop(t) // before its file system goes
			t.Logf("audit: %s, the disk full: a token is %s; doctor: disk_full", tt.audit, map[fault.Kind]string{"": "handed out", fault.Unavailable: "refused"}[tt.want])
		})
	}
}

// last is the outcome of the last of so many requests: what is left of the audit
// log's last page takes a few.
func (w *sickDevice) last(t *testing.T, requests int) (k fault.Kind) {
	t.Helper()
	for range requests {
		_, err := w.client.Token(t.Context(), api.TokenRequest{Application: "cad"})
		k = kindOf(err)
	}
	return k
}

// kindOf is the kind of an error, "" for none.
func kindOf(err error) fault.Kind {
	if err == nil {
		return ""
	}
	return fault.KindOf(err)
}

// fillDisk writes a file until nothing goes into its file system any more.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	for size := 1 << 16; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	must(t, f.Close())
}
