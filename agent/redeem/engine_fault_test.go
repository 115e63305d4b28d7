package redeem_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/store/storetest"
	"regent/agent/tms"
	"regent/agent/token"
)

// writesOf returns how many writes to the store the story of two instances takes.
func writesOf(t *testing.T, story func(*harness)) (n int) {
	t.Helper()
	bubble(t, 2, func(b *harness) {
		story(b)
		n = b.store.written()
	})
	if n < 8 {
		t.Fatalf("the story takes %d writes, want at least those of two redemptions", n)
	}
	return n
}

// redeemTwo is the story that is disturbed: one instance is redeemed at once,
// the other after it was throttled.
func redeemTwo(b *harness) {
	b.service.answers(answer{}, tooMany)
	b.start()
	if b.tryRegister() {
		b.advance(time.Hour)
	}
}

// tryRegister gives the registration token, as a disk allows.
func (b *harness) tryRegister() bool {
	held := redeem.RegistrationToken{Scope: redeem.Scope{Tenant: host}, Token: secret(registration)}
	_, err := b.engine.Register(b.Context(), held)
	return err == nil
}

// TestDiskFullAtAnyWrite: from any write on, for any number of writes, before
// or after it took effect. Once there is room again every auth token that was
// bought is kept, and all is well without a restart and without a person.
func TestDiskFullAtAnyWrite(t *testing.T) {
	writes := writesOf(t, redeemTwo)
	for first := 1; first <= writes; first++ {
		for _, times := range []int{1, 2, 1000} {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("from %d on, %d times, after %t", first, times, after), func(t *testing.T) {
					bubble(t, 2, func(b *harness) { diskFull(b, first, times, after) })
				})
			}
		}
	}
}

func diskFull(b *harness, first, times int, after bool) {
	b.store.inject(storeFaultAt(after, func(n int) error {
		if n >= first && n < first+times {
			return errFull
		}
		return nil
	}))
	redeemTwo(b)
	bought := len(b.service.used)
	b.store.inject(storeFault{})
	b.register(registration)
	b.advance(2 * time.Hour)
	if bought == 2 && b.service.posts() != 3 {
		b.Errorf("both were bought with 3 POSTs, and then there were %d", b.service.posts())
	}
	b.wantStates(token.Live, token.Live)
	b.wantCounts(2)
	b.audit()
	b.restart()
	b.advance(time.Minute)
	b.wantStates(token.Live, token.Live)
	b.wantHeld(false)
	b.audit()
}

// storeFaultAt is trouble before or after a write.
func storeFaultAt(after bool, f func(n int) error) storeFault {
	if after {
		return storeFault{after: f}
	}
	return storeFault{before: f}
}

// wantCounts says how many counts were used in all.
func (b *harness) wantCounts(want int) {
	b.Helper()
	if got := len(b.service.used); got != want {
		b.Errorf("%d counts were used (%v), want %d", got, b.service.used, want)
	}
}

// TestCrashAtAnyStep: before or after any write, and before or after the service
// commits. The next run accounts for all, keeps what was kept, and spends no
// second count on an instance by itself.
func TestCrashAtAnyStep(t *testing.T) {
	writes := writesOf(t, redeemTwo)
	for n := 1; n <= writes; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d, after %t", n, after), func(t *testing.T) {
				bubble(t, 2, func(b *harness) {
					b.store.inject(storeFaultAt(after, func(now int) error {
						if now == n {
							panic(errInterrupted)
						}
						return nil
					}))
					redeemThroughCrash(b)
				})
			})
		}
	}
	for _, counts := range []bool{false, true} {
		t.Run(fmt.Sprintf("POST, counts %t", counts), func(t *testing.T) {
			bubble(t, 2, func(b *harness) {
				b.service.answers(answer{during: func() {
					if counts {
						b.service.used = append(b.service.used, "regent-1")
					}
					panic(errInterrupted)
				}})
				redeemThroughCrash(b)
			})
		})
	}
}

// redeemThroughCrash tells the story until it crashes, and then to its end.
func redeemThroughCrash(b *harness) {
	b.plan.UncertainRetries = 0
	b.plan.RequestForm, b.plan.RequestConfirmed = tms.Wrapped, true // else the second waits for the first
	func() {
		defer b.recoverCrash() // the crash may come while registering
		redeemTwo(b)
	}()
	b.store.inject(storeFault{})
	var kept []string
	for _, r := range b.vault.List() {
		kept = append(kept, r.Intent)
	}
	b.restart()
	b.tryRegister()
	b.advance(2 * time.Hour)
	b.audit()
	for _, r := range b.vault.List() {
		kept = slices.DeleteFunc(kept, func(intent string) bool { return intent == r.Intent })
	}
	if len(kept) > 0 {
		b.Errorf("kept before the crash and not after it: %v", kept)
	}
	for n := 1; n <= 2; n++ {
		if s := b.engine.State(b.id(n)); s != token.Live && s != token.Uncertain {
			b.Errorf("%s: got state %s, want %s or %s", b.id(n), s, token.Live, token.Uncertain)
		}
	}
	if got := len(b.service.used); got > 2 {
		b.Errorf("%d counts were used for two instances: %v", got, b.service.used)
	}
}

// TestStoreIsProbedFirst: what could not be kept is not bought.
func TestStoreIsProbedFirst(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.probe.Store(&errFull)
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.wantPosts(0)
		if got := b.ledger.Entries(); len(got) != 0 {
			b.Errorf("got entries %v, want none", got)
		}
		b.wantReason(1, fault.Unavailable, errFull.Error(), "Regent sent no redemption")
		b.probe.Store(nil)
		b.advance(time.Hour)
		b.wantStates(token.Live)
	})
}

// TestAuthTokenNotStored: the auth token is held in memory and handed out to
// nobody; callers are told the truth; no second one is bought; and it is stored
// before the tenant's pause ends, or when the daemon stops.
func TestAuthTokenNotStored(t *testing.T) {
	tests := []struct {
		name string
		then func(*harness)
	}{
		{"there is room again", func(b *harness) { b.advance(30 * time.Second) }},
		{"the daemon stops", func(b *harness) { b.stop(); b.start() }},
		{"its application is configured no more", func(b *harness) {
			b.mu.Lock()
			b.plan.Targets = b.plan.Targets[1:]
			b.mu.Unlock()
			b.advance(30 * time.Second)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, 2, func(b *harness) {
				b.service.answers(answer{during: func() {
					b.store.inject(fullDisk)
				}}, answer{err: failure(withRetryAfter(statusReply(429), time.Hour))})
				b.start()
				b.register(registration)
				b.advance(2 * time.Second)
				if r, ok := b.vault.Get(b.id(1)); ok {
					b.Errorf("%+v can be handed out, and is not durable", r)
				}
				b.wantReason(1, fault.Unavailable, "one count was used", "Do not stop regentd")
				if err := b.engine.RequestRedeem(b.Context(), b.id(1), "root"); err == nil {
					b.Error("a wish was taken that could not be written down")
				}
				b.advance(2 * time.Minute)
				b.wantCounts(1)
				b.store.inject(storeFault{})
				tt.then(b)
				r, ok := b.vault.Get(b.id(1))
				if !ok || r.Intent != "regent-1" {
					b.Errorf("got %+v, %t, want the auth token that was bought", r, ok)
				}
				if diff := slices.Compare(b.kinds(1), []redeem.Kind{redeem.Intent, redeem.Confirmed}); diff != 0 {
					b.Errorf("got ledger %v", b.kinds(1))
				}
				b.audit()
			})
		})
	}
}

// TestRequestWhileTokenNotStored: it buys no second one beside that, even where
// full jitter draws no pause at all.
func TestRequestWhileTokenNotStored(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.draw = 0
		b.store.inject(storeFault{refuses: "auth-token/"})
		b.start()
		b.register(registration)
		b.advance(2 * time.Second)
		b.ask(1)
		b.advance(time.Hour)
		b.wantPosts(1)
		b.store.inject(storeFault{})
		b.advance(time.Minute)
		b.wantPosts(1)
		b.wantStates(token.Live)
		b.audit()
	})
}

// TestOutcomeThatCannotBeWritten: what is known not to have used a count is not
// left in doubt by a full disk, and is tried again.
func TestOutcomeThatCannotBeWritten(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		a := tooMany
		a.during = func() { b.store.FailNext(storetest.Put, errFull) }
		b.service.answers(a)
		b.start()
		b.register(registration)
		b.advance(10 * time.Minute)
		b.wantStates(token.Live)
		want := []redeem.Kind{redeem.Intent, redeem.Unused, redeem.Intent, redeem.Confirmed}
		if got := b.kinds(1); !slices.Equal(got, want) {
			b.Errorf("got ledger %v, want %v", got, want)
		}
		b.audit()
	})
}

// TestFailedIntentThatWasWritten: nothing is sent, and the ledger says so.
func TestFailedIntentThatWasWritten(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.service.left = 0 // so that the next one is refused
		b.start()
		b.register(registration)
		b.store.inject(storeFault{puts: 1})
		b.advance(time.Second)
		b.wantPosts(0)
		if got, want := b.kinds(1), []redeem.Kind{redeem.Intent, redeem.Unused}; !slices.Equal(got, want) {
			b.Errorf("got ledger %v, want %v", got, want)
		}
		b.restart()
		b.wantReason(1, fault.Unavailable, "Regent sent no redemption")
	})
}

// TestStartOnAFullDisk with a redemption that was under way: nobody is kept from
// being served, and the ledger is written once there is room.
func TestStartOnAFullDisk(t *testing.T) {
	bubble(t, 2, func(b *harness) {
		b.service.answers(answer{}, answer{during: func() { panic(errInterrupted) }})
		b.start()
		b.register(registration)
		b.advance(time.Minute)
		b.store.inject(fullDisk)
		b.restart()
		b.wantStates(token.Live, token.Uncertain)
		b.advance(time.Hour)
		b.wantPosts(2)
		b.store.inject(storeFault{})
		b.advance(time.Minute)
		b.wantStates(token.Live, token.Uncertain)
		b.wantReason(2, fault.RedemptionUncertain, "regentd stopped", "regent ledger")
		if got, want := b.kinds(2), []redeem.Kind{redeem.Intent, redeem.Uncertain}; !slices.Equal(got, want) {
			b.Errorf("got ledger %v, want %v", got, want)
		}
		b.audit()
	})
}

// TestAnotherTokenComesDuringARefusal: the refusal is not said of the new one.
func TestAnotherTokenComesDuringARefusal(t *testing.T) {
	for _, next := range []string{"SENTINEL-another", registration} {
		bubble(t, 1, func(b *harness) {
			refusal := noSuch
			refusal.takes = 10 * time.Second
			b.service.answers(refusal)
			b.start()
			b.register(registration)
			b.advance(5 * time.Second)
			if !b.register(next) {
				b.Error("it was not kept")
			}
			b.advance(time.Minute)
			if got, want := b.service.paidWith, []string{registration, next}; !slices.Equal(got, want) {
				b.Errorf("paid with %v, want %v", got, want)
			}
			b.wantStates(token.Live)
			b.audit()
		})
	}
}

// TestRefusalThatCannotBeRecorded is asked again, with back-off, and costs nothing.
func TestRefusalThatCannotBeRecorded(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		a := noSuch
		a.during = func() { // the outcome is written, the refusal is not
			b.store.FailNext(storetest.Put, nil)
			b.store.FailNext(storetest.Put, errFull)
		}
		b.service.answers(a, noSuch)
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.wantPosts(2)
		b.wantReason(1, fault.RegistrationRefused, "No such token.")
		b.audit()
	})
}

// TestRegistrationThatCannotBeSealed: its original is not to go then.
func TestRegistrationThatCannotBeSealed(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.start()
		b.store.FailNext(storetest.Put, errFull)
		if b.tryRegister() {
			b.Error("got no error")
		}
		b.wantHeld(false)
		b.register(registration)
		b.advance(time.Minute)
		b.wantStates(token.Live)
	})
}

// TestClientCannotBeCreated: that is said, and nothing is intended.
func TestClientCannotBeCreated(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.load()
		o := b.options()
		o.Service = func(string) (redeem.Service, error) { return nil, fmt.Errorf("ca_file: no such file") }
		b.engine = redeem.NewEngine(b.Context(), o)
		b.run()
		b.register(registration)
		b.advance(2 * time.Second)
		b.wantReason(1, fault.Unavailable, "ca_file: no such file", "Check tenant")
		if len(b.ledger.Entries()) != 0 || strings.Contains(b.log.String(), "SENTINEL") {
			b.Errorf("got entries %v, log %s", b.ledger.Entries(), b.log.String())
		}
	})
}
