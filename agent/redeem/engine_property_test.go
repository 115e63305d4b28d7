package redeem_test

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// outcomes are what the service may do with a POST.
var outcomes = []answer{
	{},
	notSent, lost, lostUnused, documented, documentedNot, tooMany, portal, tooLate, noSuch,
	{err: failure(statusReply(502)), counts: true},
	busy,
	{err: busy.err},
	{takes: 20 * time.Second},
}

// moves are what may happen to a device in between.
var moves = map[string]func(*harness){
	"time":     func(b *harness) { b.advance(3 * time.Second) },
	"long":     func(b *harness) { b.advance(7 * time.Hour) },
	"asleep":   func(b *harness) { b.clock.Suspend(40 * 24 * time.Hour); b.advance(time.Minute) },
	"back":     func(b *harness) { b.clock.SetWall(-time.Hour) },
	"restart":  func(b *harness) { b.restart() },
	"register": func(b *harness) { b.tryRegister() },
	"full":     func(b *harness) { b.store.inject(fullDisk) },
	"late":     func(b *harness) { b.store.inject(storeFault{after: fullDisk.before}) },
	"room":     func(b *harness) { b.store.inject(storeFault{}) },
}

// TestEngineProperty: whatever the service answers and whatever happens to the
// device, the books are right, and nobody but a person spends more on an
// instance than one count and the retries that the budget allows.
func TestEngineProperty(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		retries := rapid.IntRange(0, 2).Draw(r, "retries")
		script := rapid.SliceOfN(rapid.SampledFrom(outcomes), 0, 6).Draw(r, "script")
		steps := rapid.SliceOfN(rapid.SampledFrom(slices.Sorted(maps.Keys(moves))), 0, 12).Draw(r, "steps")
		failed := false
		bubble(t, 2, func(b *harness) {
			defer func() { failed = b.Failed() }()
			b.plan.UncertainRetries = retries
			b.service.answers(script...)
			b.start()
			b.tryRegister()
			for _, step := range steps {
				moves[step](b)
				b.wantBudget(retries)
			}
			moves["room"](b)
			b.tryRegister()
			b.advance(8 * time.Hour)
			b.wantBudget(retries)
			b.audit()
		})
		if failed {
			r.Fatalf("with %d retries, script %v, steps %v", retries, script, steps)
		}
	})
}

// wantBudget says that no instance has cost more than its budget.
func (b *harness) wantBudget(retries int) {
	b.Helper()
	synctest.Wait()
	b.service.mu.Lock()
	defer b.service.mu.Unlock()
	of := map[string]string{}
	for _, r := range b.service.requests {
		of[r.Identifier] = r.RefID1
	}
	spent := map[string]int{}
	for _, id := range b.service.used {
		spent[of[id]]++
	}
	for name, n := range spent {
		if n > 1+retries {
			b.Errorf("%s cost %d counts, want at most %d", name, n, 1+retries)
		}
	}
}

// TestWithoutRetriesOneCount: the promise for those who allow none, said alone.
func TestWithoutRetriesOneCount(t *testing.T) {
	for _, first := range outcomes {
		for _, second := range outcomes {
			bubble(t, 1, func(b *harness) {
				b.plan.UncertainRetries = 0
				b.service.answers(first, second)
				b.start()
				b.register(registration)
				b.advance(time.Minute)
				b.restart()
				b.register(registration)
				b.advance(10 * time.Hour)
				if got := len(b.service.used); got > 1 {
					b.Errorf("%v, then %v: %d counts were used", first.err, second.err, got)
				}
				b.audit()
			})
		}
	}
}
