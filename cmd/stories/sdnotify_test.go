//go:build unix

package stories

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/agent/tms/emulator"
)

// After STOPPING=1 systemd kills a daemon that has not ended within
// TimeoutStopSec=. What an administrator does to the store opens it again within
// the process, which says READY=1 a second time and nothing of an end.
func TestStoppingIsSentAtExit(t *testing.T) {
	s := newTestDevice(t, programs(t), emulator.Knobs{}, nil)
	address := &net.UnixAddr{Name: filepath.Join(s.dir, "notify.sock"), Net: "unixgram"}
	manager, err := net.ListenUnixgram("unixgram", address)
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	t.Setenv("NOTIFY_SOCKET", address.Name)
	d := s.start(t)
	readStatesUntil(t, manager, "READY=1")
	for _, verb := range []string{"store rekey", "store reset", "unregister", "seal-image"} {
		cmd := exec.Command(filepath.Join(s.bin, "regent"), append(strings.Fields(verb), "--yes")...)
		cmd.Env = append(os.Environ(), "REGENT_SOCKET="+s.socket())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", verb, err, out)
		}
		for _, state := range readStatesUntil(t, manager, "READY=1") {
			if strings.Contains(state, "STOPPING=1") {
				t.Errorf("%s: the daemon goes on, and said it was stopping", verb)
			}
		}
	}
	must(t, d.cmd.Process.Signal(syscall.SIGTERM))
	readStatesUntil(t, manager, "STOPPING=1")
	<-d.done
}

// readStatesUntil returns what the service manager is told, up to a state with word.
func readStatesUntil(t *testing.T, manager *net.UnixConn, word string) []string {
	t.Helper()
	var heard []string
	b := make([]byte, 4096)
	must(t, manager.SetReadDeadline(time.Now().Add(patience)))
	for {
		n, err := manager.Read(b)
		if err != nil {
			t.Fatalf("%s was not said, but %q: %v", word, heard, err)
		}
		heard = append(heard, string(b[:n]))
		if strings.Contains(heard[len(heard)-1], word) {
			return heard
		}
	}
}
