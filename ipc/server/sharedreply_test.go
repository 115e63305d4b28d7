package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/doctor"
	"regent/agent/status"
)

// A thousand who ask at one time get one reply that began after they asked, and
// after one that took long none is made for a while.
func TestSharedReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := 0
		s := newSharedReply(time.Now, func(context.Context) ([]byte, error) {
			made++
			now := made
			time.Sleep(10 * time.Millisecond)
			return fmt.Append(nil, now), nil
		})
		answers := make(chan string)
		ask := func() {
			b, err := s.get(t.Context())
			answers <- fmt.Sprint(string(b), err)
		}
		go ask()
		synctest.Wait() // the first is being made
		for range 1000 {
			go ask()
		}
		if got := <-answers; got != "1<nil>" {
			t.Errorf("the first got %s", got)
		}
		began := time.Now()
		for range 1000 {
			if got := <-answers; got != "2<nil>" {
				t.Fatalf("one that asked while the first was made got %s", got)
			}
		}
		if took := time.Since(began); took != pauseFactor*10*time.Millisecond+10*time.Millisecond {
			t.Errorf("the second was there after %v", took)
		}
	})
}

// Who hangs up while it waits leaves the others none the worse, a failure is told
// to all who wait, and the next question is another try.
func TestSharedReplyHangUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := 0
		s := newSharedReply(time.Now, func(ctx context.Context) ([]byte, error) {
			made++
			time.Sleep(time.Second)
			if made == 2 {
				return nil, errors.New("once")
			}
			return []byte("made"), ctx.Err()
		})
		hasty, cancel := context.WithCancel(t.Context())
		outcomes := make(chan error, 3)
		ask := func(ctx context.Context) { _, err := s.get(ctx); outcomes <- err }
		go ask(t.Context())
		if err := <-outcomes; err != nil {
			t.Fatal(err)
		}
		go ask(hasty) // it is the one that rests before the next
		synctest.Wait()
		go ask(t.Context())
		synctest.Wait()
		cancel()
		if err := <-outcomes; !errors.Is(err, context.Canceled) {
			t.Errorf("who hung up: %v", err)
		}
		if err := <-outcomes; err == nil || err.Error() != "once" {
			t.Errorf("who waited: %v", err)
		}
		go ask(t.Context())
		if err := <-outcomes; err != nil || made != 3 {
			t.Errorf("the next: %v, %d were made", err, made)
		}
	})
}

// The pieces of a status are one document, in which what a caller holds is shown to
// it and nothing else has changed, whatever the texts in it look like.
func TestReplyParts(t *testing.T) {
	at := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	st := status.Status{Version: "1", Summary: `{"instance":"cad/1","state":"a text"}`, Applications: []status.Application{{ID: "cad"}}}
	for i := range 12 {
		st.Applications[0].Instances = append(st.Applications[0].Instances, status.Instance{Name: fmt.Sprint("cad/", i+1), State: "live"})
	}
	whole, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	held := []status.Instance{
		{Name: "cad/12", State: "live", Holder: &status.Holder{PID: 7, User: "}{\"]"}},
		{Name: "cad/1", State: "expired", LastFault: &status.Fault{Code: "x", At: at}},
		{Name: "cad/99", State: "live"}, // it is configured no more
	}
	got, err := withHeldInstances(whole, held)
	if err != nil {
		t.Fatal(err)
	}
	st.Applications[0].Instances[11], st.Applications[0].Instances[0] = held[0], held[1]
	want, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(slices.Concat(got...)), string(want)); diff != "" {
		t.Errorf("got -, want +:\n%s", diff)
	}
	d := doctor.Daemon{Config: `"status":{}`}
	reply, err := json.Marshal(diagnosisReply{d, slices.Concat(got...)})
	if err != nil {
		t.Fatal(err)
	}
	var read doctor.Daemon
	if err := json.Unmarshal(reply, &read); err != nil {
		t.Fatal(err)
	}
	d.Status = st
	if diff := cmp.Diff(read, d); diff != "" {
		t.Errorf("a diagnosis: got -, want +:\n%s", diff)
	}
}

// Long replies are paid for by their length: a burst, then one now and then. One
// who does not read gets no more, and what has been done is answered in any case.
func TestLongReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const long = 2500 << 10
		us := newAccounts(time.Now, 64)
		got := 0
		for us.takeCall("alice") == 0 && us.reserveReply("alice", long, false) == 0 {
			us.releaseReply("alice", long)
			got++
		}
		if got < 2 || got > 4 {
			t.Errorf("%d at once", got)
		}
		for range 300 {
			time.Sleep(100 * time.Millisecond)
			if us.takeCall("alice") == 0 && us.reserveReply("alice", long, false) == 0 {
				us.releaseReply("alice", long)
				got++
			}
		}
		if got < 12 || got > 20 {
			t.Errorf("%d in half a minute", got)
		}
		pending := 0
		for us.reserveReply("deaf", long, false) == 0 {
			pending += long
		}
		if pending > maxPendingReplyBytes {
			t.Errorf("%d bytes for one who does not read", pending)
		}
		if us.reserveReply("deaf", long, true) != 0 || us.reserveReply("other", 10*maxPendingReplyBytes, false) != 0 {
			t.Error("an answer that must be, or the only one of somebody, is refused")
		}
	})
}
