package redeem_test

import (
	"strings"
	"testing"
	"time"

	"regent/agent/redeem"
	"regent/agent/store"
	"regent/agent/tms"
	"regent/agent/token"
)

// answersKept are the answers in the store, by the names of their records.
func (b *harness) answersKept() map[string]string {
	b.Helper()
	kept := map[string]string{}
	names, err := b.store.List(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range names {
		if redeem.IsUnread(name) {
			value, _, err := b.store.Get(b.Context(), name)
			if err != nil {
				b.Fatal(err)
			}
			kept[name] = string(value)
		}
	}
	return kept
}

// TestUnreadableAnswerIsKept: the body of an answer that says that a redemption worked
// stays in the store, over restarts and a full disk, until a person decides. It is in no log.
func TestUnreadableAnswerIsKept(t *testing.T) {
	const body = "<authToken>SENTINEL-bought</authToken>"
	tests := []struct {
		name, body, want string
		full, consumed   bool
	}{
		{"not consumed", body, body, false, false},
		{"consumed", body, body, false, true},
		{"the disk is full meanwhile", body, body, true, false},
		{"longer than a record", strings.Repeat("x", store.MaxSize+1), strings.Repeat("x", store.MaxSize), false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, 1, func(b *harness) {
				odd := answer{err: failure(tms.Failure{Reach: tms.Lost, Status: 201, Unread: secret(tt.body)}), counts: true}
				if tt.full {
					odd.during = func() { b.store.inject(storeFaultAt(false, func(int) error { return errFull })) }
				}
				b.service.answers(odd)
				b.start()
				b.register(registration)
				b.advance(time.Minute)
				b.store.inject(storeFault{})
				b.advance(time.Hour)
				b.restart()
				b.wantStates(token.Uncertain)
				redemption := b.ledger.Entries()[0].ID
				if kept := b.answersKept(); len(kept) != 1 || kept["unread/"+redemption] != tt.want {
					b.Fatalf("%d answers are kept, want that of %s", len(kept), redemption)
				}
				if err := b.engine.Resolve(b.Context(), redemption, tt.consumed, "root"); err != nil {
					b.Fatal(err)
				}
				if kept := b.answersKept(); len(kept) != 0 {
					b.Errorf("%d answers are kept after the decision", len(kept))
				}
				if strings.Contains(b.log.String(), "SENTINEL-bought") {
					b.Errorf("the log quotes the answer:\n%s", &b.log)
				}
			})
		})
	}
}
