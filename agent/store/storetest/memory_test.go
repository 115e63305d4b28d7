package storetest_test

import (
	"errors"
	"testing"

	"regent/agent/store/storetest"
)

func TestMemoryFailNext(t *testing.T) {
	var m storetest.Memory
	full := errors.New("disk full")
	m.FailNext(storetest.Put, full)
	if _, err := m.Put(t.Context(), "a", nil, 0); !errors.Is(err, full) {
		t.Errorf("first Put: got %v, want %v", err, full)
	}
	if _, err := m.List(t.Context()); err != nil {
		t.Errorf("List: got %v, want nil: another operation was to fail", err)
	}
	if v, err := m.Put(t.Context(), "a", nil, 0); err != nil || v != 1 {
		t.Errorf("second Put: got %d, %v, want 1: the first changed nothing", v, err)
	}
	if got, want := m.Puts(), 1; got != want {
		t.Errorf("Puts: got %d, want %d", got, want)
	}
}
