package token

import (
	"runtime"
	"testing"
)

// TestFingerprint holds the parameters: two programs that differ in them could not
// be compared.
func TestFingerprint(t *testing.T) {
	if got, want := Fingerprint(NewSecret(sound)), "c60fa0c865ef"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := LegacyFingerprint(NewSecret("abc")), "ba7816bf"; got != want { // SHA-256 of abc
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestFingerprintIsComputedOnce: a fingerprint that is asked for again is no work.
func TestFingerprintIsComputedOnce(t *testing.T) {
	s := NewSecret("once")
	Fingerprint(s)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	Fingerprint(s)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("asked for again it took %d bytes, so it was computed again", took)
	}
}
