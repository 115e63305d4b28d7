package device

import (
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"
)

func TestClockMatchesKernel(t *testing.T) {
	clock, err := ReadClock()
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(clock.BootID()) {
		t.Errorf("boot id: got %q, want a UUID", clock.BootID())
	}
	if again, err := ReadClock(); again.BootID() != clock.BootID() || err != nil {
		t.Errorf("boot id of the same boot: got %q, %v, want %q", again.BootID(), err, clock.BootID())
	}
	// /proc/uptime is the boot clock too, to a hundredth of a second. A container
	// may show one of its own, and then says so by being earlier.
	content, err := os.ReadFile("/proc/uptime")
	if err != nil {
		t.Skip(err)
	}
	var seconds float64
	if _, err := fmt.Sscan(string(content), &seconds); err != nil {
		t.Fatal(err)
	}
	uptime := time.Duration(seconds * float64(time.Second))
	if got := clock.Boot(); got < uptime-time.Second {
		t.Errorf("since boot: got %s, want at least the uptime of %s", got, uptime)
	}
}
