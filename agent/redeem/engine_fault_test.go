package redeem_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/redeem"
	"regent/agent/store/storetest"
	"regent/agent/tms"
)

// writesOf returns how many writes to the store the story of two instances takes.
func writesOf(t *testing.T, story func(*bed)) (n int) {
	t.Helper()
	bubble(t, 2, func(b *bed) {
		story(b)
		n = b.store.written()
	})
	if n < 8 {
		t.Fatalf("the story takes %d writes, want at least those of two redemptions", n)
	}
	return n
}

// twoRedeemed is the story that is disturbed: one instance is redeemed at once,
// the other after it was throttled.
func twoRedeemed(b *bed) {
	b.service.answers(answer{}, tooMany)
	b.start()
	if b.tryRegister() {
		b.pass(time.Hour)
	}
}

// tryRegister gives the registration token, as a disk allows.
func (b *bed) tryRegister() bool {
	held := redeem.Held{Scope: redeem.Scope{Tenant: host}, Token: secret(registration)}
	_, err := b.engine.Register(b.Context(), held)
	return err == nil
}

// TestDiskFullAtAnyWrite: from any write on, for any number of writes, before
// or after it took effect. Once there is room again every auth token that was
// bought is kept, and all is well without a restart and without a person.
func TestDiskFullAtAnyWrite(t *testing.T) {
	writes := writesOf(t, twoRedeemed)
	for first := 1; first <= writes; first++ {
		for _, times := range []int{1, 2, 1000} {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("from %d on, %d times, after %t", first, times, after), func(t *testing.T) {
					bubble(t, 2, func(b *bed) { diskFull(b, first, times, after) })
				})
			}
		}
	}
}

func diskFull(b *bed, first, times int, after bool) {
	b.store.suffers(at(after, func(n int) error {
		if n >= first && n < first+times {
			return errFull
		}
		return nil
	}))
	twoRedeemed(b)
	bought := len(b.service.used)
	b.store.suffers(trouble{})
	b.register(registration)
	b.pass(2 * time.Hour)
	if bought == 2 && b.service.posts() != 3 {
		b.Errorf("both were bought with 3 POSTs, and then there were %d", b.service.posts())
	}
	b.wantStates(instance.Live, instance.Live)
	b.wantCounts(2)
	b.audit()
	b.restart()
	b.pass(time.Minute)
	b.wantStates(instance.Live, instance.Live)
	b.wantHeld(false)
	b.audit()
}

// at is trouble before or after a write.
func at(after bool, f func(n int) error) trouble {
	if after {
		return trouble{after: f}
	}
	return trouble{before: f}
}

// wantCounts says how many counts were used in all.
func (b *bed) wantCounts(want int) {
	b.Helper()
	if got := len(b.service.used); got != want {
		b.Errorf("%d counts were used (%v), want %d", got, b.service.used, want)
	}
}

// TestCrashAtAnyStep: before or after any write, and before or after the service
// commits. The next run accounts for all, keeps what was kept, and spends no
// second count on an instance by itself.
func TestCrashAtAnyStep(t *testing.T) {
	writes := writesOf(t, twoRedeemed)
	for n := 1; n <= writes; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d, after %t", n, after), func(t *testing.T) {
				bubble(t, 2, func(b *bed) {
					b.store.suffers(at(after, func(now int) error {
						if now == n {
							panic(errCrash)
						}
						return nil
					}))
					crashed(b)
				})
			})
		}
	}
	for _, counts := range []bool{false, true} {
		t.Run(fmt.Sprintf("POST, counts %t", counts), func(t *testing.T) {
			bubble(t, 2, func(b *bed) {
				b.service.answers(answer{during: func() {
					if counts {
						b.service.used = append(b.service.used, "regent-1")
					}
					panic(errCrash)
				}})
				crashed(b)
			})
		})
	}
}

// crashed tells the story until it crashes, and then to its end.
func crashed(b *bed) {
	b.plan.UncertainRetries = 0
	b.plan.Request, b.plan.Confirmed = tms.Wrapped, true // else the second waits for the first
	func() {
		defer b.survive() // the crash may come while registering
		twoRedeemed(b)
	}()
	b.store.suffers(trouble{})
	var kept []string
	for _, r := range b.vault.List() {
		kept = append(kept, r.Intent)
	}
	b.restart()
	b.tryRegister()
	b.pass(2 * time.Hour)
	b.audit()
	for _, r := range b.vault.List() {
		kept = slices.DeleteFunc(kept, func(intent string) bool { return intent == r.Intent })
	}
	if len(kept) > 0 {
		b.Errorf("kept before the crash and not after it: %v", kept)
	}
	for n := 1; n <= 2; n++ {
		if s := b.engine.State(b.id(n)); s != instance.Live && s != instance.Uncertain {
			b.Errorf("%s: got state %s, want %s or %s", b.id(n), s, instance.Live, instance.Uncertain)
		}
	}
	if got := len(b.service.used); got > 2 {
		b.Errorf("%d counts were used for two instances: %v", got, b.service.used)
	}
}

// TestStoreIsProvenFirst: what could not be kept is not bought.
func TestStoreIsProvenFirst(t *testing.T) {
	bubble(t, 1, func(b *bed) {
		b.probe.Store(&errFull)
		b.start()
		b.register(registration)
		b.pass(time.Hour)
		b.wantPosts(0)
		if got := b.ledger.Entries(); len(got) != 0 {
			b.Errorf("got entries %v, want none", got)
		}
		b.wantReason(1, fault.Unavailable, errFull.Error(), "nothing was sent")
		b.probe.Store(nil)
		b.pass(time.Hour)
		b.wantStates(instance.Live)
	})
}

// TestBoughtAndNotStored: the auth token is held in memory and handed out to
// nobody; callers are told the truth; no second one is bought; and it is stored
// before the tenant's pause ends, or when the daemon stops.
func TestBoughtAndNotStored(t *testing.T) {
	tests := []struct {
		name string
		then func(*bed)
	}{
		{"there is room again", func(b *bed) { b.pass(30 * time.Second) }},
		{"the daemon stops", func(b *bed) { b.stop(); b.start() }},
		{"its application is configured no more", func(b *bed) {
			b.mu.Lock()
			b.plan.Wants = b.plan.Wants[1:]
			b.mu.Unlock()
			b.pass(30 * time.Second)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, 2, func(b *bed) {
				b.service.answers(answer{during: func() {
					b.store.suffers(full)
				}}, answer{err: failure(back(answered(429), time.Hour))})
				b.start()
				b.register(registration)
				b.pass(2 * time.Second)
				if r, ok := b.vault.Get(b.id(1)); ok {
					b.Errorf("%+v can be handed out, and is not durable", r)
				}
				b.wantReason(1, fault.Unavailable, "one count was used", "leave the daemon running")
				if err := b.engine.Ask(b.Context(), b.id(1), "root"); err == nil {
					b.Error("a wish was taken that could not be written down")
				}
				b.pass(2 * time.Minute)
				b.wantCounts(1)
				b.store.suffers(trouble{})
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

// TestWishWhileOneIsNotStored: it buys no second one beside that, even where
// full jitter draws no pause at all.
func TestWishWhileOneIsNotStored(t *testing.T) {
	bubble(t, 1, func(b *bed) {
		b.draw = 0
		b.store.suffers(trouble{refuses: "auth-token/"})
		b.start()
		b.register(registration)
		b.pass(2 * time.Second)
		b.ask(1)
		b.pass(time.Hour)
		b.wantPosts(1)
		b.store.suffers(trouble{})
		b.pass(time.Minute)
		b.wantPosts(1)
		b.wantStates(instance.Live)
		b.audit()
	})
}

// TestOutcomeThatCannotBeWritten: what is known not to have used a count is not
// left in doubt by a full disk, and is tried again.
func TestOutcomeThatCannotBeWritten(t *testing.T) {
	bubble(t, 1, func(b *bed) {
		a := tooMany
		a.during = func() { b.store.FailNext(storetest.Put, errFull) }
		b.service.answers(a)
		b.start()
		b.register(registration)
		b.pass(10 * time.Minute)
		b.wantStates(instance.Live)
		want := []redeem.Kind{redeem.Intent, redeem.Unused, redeem.Intent, redeem.Confirmed}
		if got := b.kinds(1); !slices.Equal(got, want) {
			b.Errorf("got ledger %v, want %v", got, want)
		}
		b.audit()
	})
}

// TestIntentThatStandsThoughItFailed: nothing is sent, and the ledger says so.
func TestIntentThatStandsThoughItFailed(t *testing.T) {
	bubble(t, 1, func(b *bed) {
		b.service.left = 0 // so that the next one is refused
		b.start()
		b.register(registration)
		b.store.suffers(trouble{puts: 1})
		b.pass(time.Second)
		b.wantPosts(0)
		if got, want := b.kinds(1), []redeem.Kind{redeem.Intent, redeem.Unused}; !slices.Equal(got, want) {
			b.Errorf("got ledger %v, want %v", got, want)
		}
		b.restart()
		b.wantReason(1, fault.Unavailable, "nothing was sent")
	})
}

// TestStartOnAFullDisk with a redemption that was under way: nobody is kept from
// being served, and the ledger is written once there is room.
func TestStartOnAFullDisk(t *testing.T) {
	bubble(t, 2, func(b *bed) {
		b.service.answers(answer{}, answer{during: func() { panic(errCrash) }})
		b.start()
		b.register(registration)
		b.pass(time.Minute)
		b.store.suffers(full)
		b.restart()
		b.wantStates(instance.Live, instance.Uncertain)
		b.pass(time.Hour)
		b.wantPosts(2)
		b.store.suffers(trouble{})
		b.pass(time.Minute)
		b.wantStates(instance.Live, instance.Uncertain)
		b.wantReason(2, fault.RedemptionUncertain, "daemon stopped", "regent ledger")
		if got, want := b.kinds(2), []redeem.Kind{redeem.Intent, redeem.Uncertain}; !slices.Equal(got, want) {
			b.Errorf("got ledger %v, want %v", got, want)
		}
		b.audit()
	})
}

// TestAnotherTokenComesDuringARefusal: the refusal is not said of the new one.
func TestAnotherTokenComesDuringARefusal(t *testing.T) {
	for _, next := range []string{"SENTINEL-another", registration} {
		bubble(t, 1, func(b *bed) {
			refusal := noSuch
			refusal.takes = 10 * time.Second
			b.service.answers(refusal)
			b.start()
			b.register(registration)
			b.pass(5 * time.Second)
			if !b.register(next) {
				b.Error("it was not kept")
			}
			b.pass(time.Minute)
			if got, want := b.service.paidWith, []string{registration, next}; !slices.Equal(got, want) {
				b.Errorf("paid with %v, want %v", got, want)
			}
			b.wantStates(instance.Live)
			b.audit()
		})
	}
}

// TestRefusalThatCannotBeRecorded is asked again, with back-off, and costs nothing.
func TestRefusalThatCannotBeRecorded(t *testing.T) {
	bubble(t, 1, func(b *bed) {
		a := noSuch
		a.during = func() { // the outcome is written, the refusal is not
			b.store.FailNext(storetest.Put, nil)
			b.store.FailNext(storetest.Put, errFull)
		}
		b.service.answers(a, noSuch)
		b.start()
		b.register(registration)
		b.pass(time.Hour)
		b.wantPosts(2)
		b.wantReason(1, fault.RegistrationRefused, "No such token.")
		b.audit()
	})
}

// TestRegistrationThatCannotBeSealed: its original is not to go then.
func TestRegistrationThatCannotBeSealed(t *testing.T) {
	bubble(t, 1, func(b *bed) {
		b.start()
		b.store.FailNext(storetest.Put, errFull)
		if b.tryRegister() {
			b.Error("got no error")
		}
		b.wantHeld(false)
		b.register(registration)
		b.pass(time.Minute)
		b.wantStates(instance.Live)
	})
}

// TestServiceCannotBeMade: that is said, and nothing is intended.
func TestServiceCannotBeMade(t *testing.T) {
	bubble(t, 1, func(b *bed) {
		b.load()
		o := b.options()
		o.Service = func(string) (redeem.Service, error) { return nil, fmt.Errorf("ca_file: no such file") }
		e, err := redeem.NewEngine(b.Context(), o)
		if err != nil {
			b.Fatal(err)
		}
		b.engine = e
		b.run()
		b.register(registration)
		b.pass(2 * time.Second)
		b.wantReason(1, fault.Unavailable, "ca_file: no such file", "check tenant")
		if len(b.ledger.Entries()) != 0 || strings.Contains(b.log.String(), "SENTINEL") {
			b.Errorf("got entries %v, log %s", b.ledger.Entries(), b.log.String())
		}
	})
}
