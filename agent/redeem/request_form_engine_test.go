package redeem_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/tms"
	"regent/agent/token"
)

// wrongForm is what a service does with a body in a form that it does not read.
type wrongForm struct {
	name   string
	answer answer
	leads  bool // to the other form
}

var wrongForms = []wrongForm{
	{"400", answer{err: failure(serviceReply(400, "", "Invalid request body."))}, true},
	{"400, a code alone", answer{err: failure(serviceReply(400, "BAD_REQUEST", ""))}, true},
	{"400, duplicate", answer{err: failure(serviceReply(400, "", "An auth token with this identifier already exists."))}, false},
	{"400, count", answer{err: failure(serviceReply(400, "REGISTRATION_TOKEN_EXHAUSTED", wordsExhausted))}, false},
	{"400, expired", tooLate, false},
	{"400, disabled", answer{err: failure(serviceReply(400, "", "The registration token is disabled."))}, false},
	{"400 of a proxy", answer{err: failure(statusReply(400))}, false},
	{"401", answer{err: failure(serviceReply(401, "", "Unauthorized"))}, false},
	{"403", noSuch, false},
	{"404", answer{err: failure(serviceReply(404, "", "Not found"))}, false},
	{"409", answer{err: failure(serviceReply(409, "", "Conflict"))}, false},
	{"415", answer{err: failure(serviceReply(415, "", "Unsupported body"))}, false},
	{"422", answer{err: failure(serviceReply(422, "", "Invalid request body."))}, false},
	{"429", tooMany, false},
	{"500, documented", documentedNot, false},
	{"500", answer{err: failure(serviceReply(500, "", "Broken"))}, false},
	{"400 of a gateway, a count used", spoiled(400), false},
	{"403 of a gateway, a count used", spoiled(403), false},
	{"404 of a gateway, a count used", spoiled(404), false},
	{"302, a count used", spoiled(302), false},
	{"500 of a gateway, a count used", spoiled(500), false},
	{"502, a count used", spoiled(502), false},
	{"503", answer{err: busy.err}, false},
	{"503, a count used", busy, false},
	{"lost, a count used", lost, false},
	{"lost", lostUnused, false},
	{"not sent", notSent, false},
	{"lenient", answer{silent: true}, false}, // 201, and the body is ignored
}

// spoiled is a redemption that worked, and whose answer something before the service
// has replaced by a page of its own.
func spoiled(status int) answer { return answer{err: failure(statusReply(status)), counts: true} }

// TestCountsOfEveryForm walks dialects, request forms and refusals: an instance
// costs one count at most, a 400 to the first form costs none, nothing but that
// leads to a second form, and a lenient service that ignores the body costs one
// count in all. So does a service whose answers are lost or cannot be read.
func TestCountsOfEveryForm(t *testing.T) {
	for _, request := range []string{redeem.FormAuto, tms.Wrapped, tms.Bare} {
		for _, reads := range [][]string{{tms.Wrapped}, {tms.Bare}, {tms.Wrapped, tms.Bare}} {
			for _, right := range []answer{{}, {silent: true}, lost, unreadable} {
				for _, wrong := range wrongForms {
					if right.err != nil && !wrong.leads && !wrong.answer.silent {
						continue // as after an answer that was read
					}
					c := combination{request, reads, right, wrong}
					bubble(t, 3, func(b *harness) { c.check(b) })
				}
			}
		}
	}
}

type combination struct {
	request string
	reads   []string
	right   answer // to a body in a form that it reads
	wrong   wrongForm
}

func (c combination) String() string {
	return fmt.Sprintf("contract.request %s, a service that reads %v, answers %+v, and otherwise %s", c.request, c.reads, c.right, c.wrong.name)
}

func (c combination) dialect(r tms.Request) answer {
	if slices.Contains(c.reads, r.Form) {
		return c.right
	}
	return c.wrong.answer
}

func (c combination) check(b *harness) {
	b.Helper()
	b.plan.UncertainRetries, b.plan.RequestForm = 0, c.request
	b.service.dialect = c.dialect
	b.start()
	b.register(registration)
	b.advance(20 * time.Minute)
	b.restart()
	b.advance(20 * time.Minute)
	if b.Failed() {
		b.Fatal(c)
	}
	forms := map[string]bool{}
	for _, r := range b.service.requests {
		forms[r.Form] = true
	}
	first := c.request
	if first == redeem.FormAuto {
		first = tms.Wrapped
	}
	leads := c.request == redeem.FormAuto && !slices.Contains(c.reads, first) && c.wrong.leads
	if len(forms) == 2 != leads || !forms[first] {
		b.Errorf("%s: sent in %v", c, forms)
	}
	read := slices.Contains(c.reads, first) || leads
	used, shown := len(b.service.used), c.right.err == nil && !c.right.silent
	switch {
	case read && shown && used != 3:
		b.Errorf("%s: %d counts for 3 instances", c, used)
	case read && !shown && used != 1, !read && (c.wrong.answer.silent || c.wrong.answer.counts) && used != 1:
		b.Errorf("%s: %d counts before the form was proven", c, used)
	case !read && c.wrong.answer.err != nil && !c.wrong.answer.counts && used != 0:
		b.Errorf("%s: %d counts for nothing", c, used)
	}
	switch {
	case read && c.right.silent || !read && c.wrong.answer.silent:
		b.wantReason(2, fault.RedemptionUnconfirmed, "tmsctl auth-token list", "--not-listed")
	case read && !shown || !read && c.wrong.answer.counts:
		b.wantReason(1, fault.RedemptionUncertain, "--not-consumed")
		b.wantReason(2, fault.RedemptionUnconfirmed, b.id(1).String(), "tmsctl auth-token list", "--not-consumed")
	}
	b.wantBudget(0)
	b.audit()
	if b.Failed() {
		b.Fatal(c)
	}
}

// redeemAccepted is a device of three instances whose first redemption was accepted and
// not shown, by a service that reads bodies in one form.
func redeemAccepted(b *harness, reads string) (redemption string) {
	b.Helper()
	b.service.dialect = combination{reads: []string{reads}, right: answer{silent: true}, wrong: wrongForm{answer: answer{silent: true}}}.dialect
	b.start()
	b.register(registration)
	b.advance(time.Hour)
	b.wantPosts(1)
	b.wantStates(token.Live, token.Unredeemed, token.Unredeemed)
	return b.service.requests[0].Identifier
}

func (b *harness) resolve(redemption string, listed bool) {
	b.Helper()
	if err := b.engine.Resolve(b.Context(), redemption, listed, "root"); err != nil {
		b.Fatal(err)
	}
	b.advance(time.Minute)
}

// TestConfirmed: a person who finds the identifier lets the others be redeemed, in
// the same form, and it stays so over a restart.
func TestConfirmed(t *testing.T) {
	bubble(t, 3, func(b *harness) {
		redemption := redeemAccepted(b, tms.Wrapped)
		b.resolve(redemption, true)
		b.wantStates(token.Live, token.Live, token.Live)
		b.wantPosts(3)
		for _, r := range b.service.requests {
			if r.Form != tms.Wrapped {
				b.Errorf("%s was sent %s", r.Identifier, r.Form)
			}
		}
		b.restart()
		b.advance(time.Hour)
		b.wantPosts(3)
		if err := b.engine.Resolve(b.Context(), redemption, false, "root"); err == nil {
			b.Error("it was resolved twice")
		}
		b.audit()
	})
}

// TestNotListed: the other form is next, for one instance again; it is shown, and
// then all are redeemed.
func TestNotListed(t *testing.T) {
	bubble(t, 3, func(b *harness) {
		redemption := redeemAccepted(b, tms.Bare)
		b.service.dialect = combination{reads: []string{tms.Bare}, wrong: wrongForm{answer: answer{silent: true}}}.dialect
		b.restart()
		b.advance(time.Hour)
		b.wantPosts(1)
		b.resolve(redemption, false)
		b.wantStates(token.Live, token.Live, token.Live)
		for _, r := range b.service.requests[1:] {
			if r.Form != tms.Bare {
				b.Errorf("%s was sent %s", r.Identifier, r.Form)
			}
		}
		if got := b.taught.Get(host).Request; got.Form != tms.Bare || got.Proof != tms.ByReply {
			b.Errorf("learnt %+v", got)
		}
		b.audit()
	})
}

// TestNeitherListed: once a person found neither form in the list, nothing is redeemed by
// itself, also after a restart and with the registration token given again. A person's
// wish is followed.
func TestNeitherListed(t *testing.T) {
	bubble(t, 4, func(b *harness) {
		b.plan.KeepRegistrationToken = true
		first := redeemAccepted(b, "none")
		b.wantReason(2, fault.RedemptionUnconfirmed, "which costs one more count")
		b.resolve(first, false)
		b.wantPosts(2)
		second := b.service.requests[1].Identifier
		b.wantReason(3, fault.RedemptionUnconfirmed, second+" --not-listed", "nothing more by itself")
		b.resolve(second, false)
		for range 3 {
			b.advance(7 * time.Hour)
			b.restart()
			b.register(registration)
			b.engine.Demand(b.id(3))
		}
		b.advance(7 * time.Hour)
		b.wantPosts(2)
		b.wantReason(3, fault.RedemptionUnconfirmed, "neither form", host, "regent instances redeem cad/3", "contract.request")
		b.ask(3)
		b.advance(time.Hour)
		b.wantPosts(3)
		b.resolve(b.service.requests[2].Identifier, false)
		b.advance(7 * time.Hour)
		b.wantPosts(3)
		b.wantReason(4, fault.RedemptionUnconfirmed, "neither form", "regent instances redeem cad/4")
		b.mu.Lock()
		b.plan.RequestForm, b.plan.RequestConfirmed = tms.Bare, true
		b.mu.Unlock()
		b.engine.Kick()
		b.advance(time.Minute)
		b.wantPosts(4)
		b.audit()
	})
}

// TestConfirmedByConfiguration: where somebody has confirmed the form for all
// devices, none waits.
func TestConfirmedByConfiguration(t *testing.T) {
	bubble(t, 3, func(b *harness) {
		b.plan.RequestForm, b.plan.RequestConfirmed = tms.Wrapped, true
		b.service.dialect = combination{reads: []string{tms.Wrapped}, right: answer{silent: true}}.dialect
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.wantStates(token.Live, token.Live, token.Live)
		b.audit()
	})
}

// TestEarlierRelease: a device that has redeemed before goes on in the bare form,
// and waits for nobody.
func TestEarlierRelease(t *testing.T) {
	bubble(t, 3, func(b *harness) {
		b.load()
		for _, e := range []redeem.Entry{
			{Kind: redeem.Intent, ID: "old", Tenant: host, Instance: "cad/9"},
			{Kind: redeem.Confirmed, ID: "old", Tenant: host, Instance: "cad/9"},
		} {
			if _, err := b.ledger.Append(b.Context(), e); err != nil {
				b.Fatal(err)
			}
		}
		b.ledger.Close()
		b.service.dialect = combination{reads: []string{tms.Bare}, wrong: wrongForms[0]}.dialect
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.wantPosts(3)
		b.wantStates(token.Live, token.Live, token.Live)
		for _, r := range b.service.requests {
			if r.Form != tms.Bare {
				b.Errorf("%s was sent %s", r.Identifier, r.Form)
			}
		}
	})
}

// TestOtherFormOncePerRegistrationToken: not for each instance, nor after a restart;
// another registration token has a try of its own.
func TestOtherFormOncePerRegistrationToken(t *testing.T) {
	bubble(t, 2, func(b *harness) {
		b.service.dialect = combination{wrong: wrongForms[0]}.dialect
		b.start()
		b.register(registration)
		b.advance(time.Minute)
		b.wantPosts(2)
		b.wantReason(1, fault.RegistrationRefused, "The service also refused the wrapped form")
		b.advance(7 * time.Hour) // the pause after a refusal
		b.restart()
		b.advance(7 * time.Hour)
		bare := 0
		for _, r := range b.service.requests {
			if r.Form == tms.Bare {
				bare++
			}
		}
		if bare != 1 {
			b.Errorf("the other form was tried %d times", bare)
		}
		posts := b.service.posts()
		b.register(registration + "-another")
		b.advance(time.Minute)
		b.wantPosts(posts + 2)
		if len(b.service.used) > 0 {
			b.Errorf("%d counts were used", len(b.service.used))
		}
	})
}

// TestNoOtherFormAfterAnUnansweredSend: what comes back later may be about that.
func TestNoOtherFormAfterAnUnansweredSend(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.plan.UncertainRetries = 1
		b.service.answers(documented, answer{err: failure(serviceReply(400, "", "Invalid request body."))})
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.wantPosts(2)
		for _, r := range b.service.requests {
			if r.Form != tms.Wrapped {
				b.Errorf("%s was sent %s", r.Identifier, r.Form)
			}
		}
	})
}

// TestOtherFormThatIsLost is uncertain, as any other redemption.
func TestOtherFormThatIsLost(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.service.answers(wrongForms[0].answer, lost)
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.restart()
		b.advance(time.Hour)
		b.wantPosts(2)
		b.wantStates(token.Uncertain)
		b.wantReason(1, fault.RedemptionUncertain, "regent ledger resolve regent-2 --consumed")
		b.resolve("regent-2", true) // the list has it, which proves the form
		if got := b.taught.Get(host).Request; got.Form != tms.Bare || !got.Proven() {
			b.Errorf("learnt %+v", got)
		}
		if got := len(b.service.used); got != 1 {
			b.Errorf("%d counts were used", got)
		}
	})
}

// redeemUncertain is a device of three instances whose first redemption came to answer.
func redeemUncertain(b *harness, first answer) (redemption string) {
	b.Helper()
	b.plan.UncertainRetries = 0
	b.service.answers(first)
	b.start()
	b.register(registration)
	b.advance(time.Hour)
	b.restart()
	b.advance(time.Hour)
	b.wantPosts(1)
	b.wantStates(token.Uncertain, token.Unredeemed, token.Unredeemed)
	return b.ledger.Entries()[0].ID
}

// TestUncertainBlocksOthers: while no form is proven, an uncertain redemption holds the
// other instances until a person has looked for it.
func TestUncertainBlocksOthers(t *testing.T) {
	for name, first := range map[string]answer{"lost": lost, "lost, unused": lostUnused, "unreadable": unreadable, "500": documentedNot, "400, a page": spoiled(400), "403, a page": spoiled(403)} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(b *harness) { // the list has it, which proves the form
				b.resolve(redeemUncertain(b, first), true)
				b.wantStates(token.Unredeemed, token.Live, token.Live)
				b.wantPosts(3)
				b.audit()
			})
			first.counts = false
			bubble(t, 3, func(b *harness) { // the list does not have it: one is next, which proves the form
				b.resolve(redeemUncertain(b, first), false)
				b.wantStates(token.Live, token.Live, token.Live)
				b.wantPosts(4)
				b.audit()
			})
			bubble(t, 3, func(b *harness) { // nor the next one, which is lost too
				redemption := redeemUncertain(b, first)
				b.service.answers(first)
				b.resolve(redemption, false)
				b.wantPosts(2)
				b.ask(3) // not a person's wish either
				b.advance(time.Hour)
				b.wantPosts(2)
			})
		})
	}
}

// TestUncertainDoesNotBlockProvenForm: what is proven, or confirmed for all devices, is
// held by no uncertain redemption.
func TestUncertainDoesNotBlockProvenForm(t *testing.T) {
	bubble(t, 3, func(b *harness) {
		b.plan.RequestForm, b.plan.RequestConfirmed = tms.Wrapped, true
		b.service.answers(lost)
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.wantStates(token.Uncertain, token.Live, token.Live)
	})
	bubble(t, 3, func(b *harness) {
		b.service.answers(answer{}, lost)
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.wantStates(token.Live, token.Uncertain, token.Live)
	})
}

// TestUncertainWithAutoRetry: the documented 500 is tried again by itself, and that
// proves the form for those that wait.
func TestUncertainWithAutoRetry(t *testing.T) {
	bubble(t, 3, func(b *harness) {
		b.plan.UncertainRetries = 1
		b.service.answers(documentedNot)
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.wantStates(token.Live, token.Live, token.Live)
		b.wantPosts(4)
		b.audit()
	})
}
