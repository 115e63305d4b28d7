//go:build !race

package server_test

import "testing"

// TestDirectAnswerAllocates: a usual request costs no memory.
func TestDirectAnswerAllocates(t *testing.T) {
	d := newDirect(t, &backend{grant: shortGrant(), quiet: true}, false)
	c := d.dial(t)
	request, answer := []byte(usual), make([]byte, 4<<10)
	ask := func() {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Conn.Read(answer); err != nil || n < 100 {
			t.Fatal(n, err)
		}
	}
	if n := testing.AllocsPerRun(2000, ask); n != 0 {
		t.Errorf("a request costs %v allocations", n)
	}
	c.Close()
	if err := d.stop(); err != nil {
		t.Error(err)
	}
	if d.http.Load() != 0 {
		t.Error("net/http answered")
	}
}
