package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"regent/agent/store"
)

const benchSize = 4 << 10 // an auth token with a large JWT

// BenchmarkPut compares a Put with the bare steps that make a write durable.
func BenchmarkPut(b *testing.B) {
	value := make([]byte, benchSize)
	b.Run("bare", func(b *testing.B) {
		dir := b.TempDir()
		for b.Loop() {
			must(b, bareWrite(dir, value))
		}
	})
	b.Run("sealed", func(b *testing.B) {
		s := open(b, b.TempDir())
		var v store.Version
		for b.Loop() {
			var err error
			v, err = s.Put(b.Context(), "cad/1", value, v)
			must(b, err)
		}
	})
}

func bareWrite(dir string, value []byte) error {
	temp := filepath.Join(dir, "temp")
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(value); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(temp, filepath.Join(dir, "record")); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// BenchmarkStart is what the daemon does with 1,000 instances before it serves.
func BenchmarkStart(b *testing.B) {
	const records = 1000
	dir := b.TempDir()
	s := open(b, dir)
	for i := range records {
		mustPut(b, s, fmt.Sprintf("demo-host.com/cad/%d", i), string(make([]byte, benchSize)), 0)
	}
	for b.Loop() {
		damaged, sound, err := open(b, dir).Verify(b.Context())
		if len(damaged) > 0 || sound != records || err != nil {
			b.Fatalf("got %d sound, %v, %v", sound, damaged, err)
		}
	}
}
