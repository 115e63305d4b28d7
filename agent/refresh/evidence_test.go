package refresh

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/instance"
	"regent/agent/store/storetest"
	"regent/agent/vault"
)

// A process died while it asked, and the next one cannot ask at first: its disk
// is full, or its client cannot be made. The open attempt is still the evidence
// by which invalid_grant is read, once there is an answer.
func TestEvidenceOutlastsATryThatNeverBegan(t *testing.T) {
	tests := []struct {
		name string
		fail func(*bench)
	}{
		{"the disk is full", func(b *bench) { b.store.FailNext(storetest.Put, errors.New("no space left on device")) }},
		{"no client", func(b *bench) { b.noClient = errors.New("ca_file: no such file") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, fails(badGrant()))
				b.stop()
				if _, err := b.Vault.Update(t.Context(), b.record(t), func(r *vault.Record) { r.Attempt.Open = true }); err != nil {
					t.Fatal(err)
				}
				tt.fail(b)
				b.run(t)
				defer b.stop()
				f, err := b.Join(one)
				if err != nil {
					t.Fatal(err)
				}
				if err := f.Wait(t.Context()); err == nil || b.service.count() != 0 {
					t.Fatalf("Wait = %v after %d requests, want a failure and none", err, b.service.count())
				}
				if !b.record(t).Attempt.Doubtful() {
					t.Error("nothing was asked, and the attempt of the process that died is forgotten")
				}
				time.Sleep(time.Hour)
				if got := b.record(t).State; got != instance.RefreshLost {
					t.Errorf("state %s, want %s", got, instance.RefreshLost)
				}
			})
		})
	}
}
