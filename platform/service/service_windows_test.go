package service

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kardianos/service"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"
)

// manager plays the service manager to a program.
type manager struct {
	requests chan svc.ChangeRequest
	statuses chan svc.Status
	ended    chan uint32
}

func manage(t *testing.T, p *program) *manager {
	t.Helper()
	s, err := service.New(p, config())
	if err != nil {
		t.Fatal(err)
	}
	m := &manager{make(chan svc.ChangeRequest), make(chan svc.Status), make(chan uint32, 1)}
	go func() {
		_, code := s.(svc.Handler).Execute(nil, m.requests, m.statuses)
		m.ended <- code
	}()
	return m
}

func (m *manager) want(t *testing.T, state svc.State) {
	t.Helper()
	select {
	case got := <-m.statuses:
		if got.State != state {
			t.Fatalf("got state %d, want %d", got.State, state)
		}
		if state == svc.Running && got.Accepts != svc.AcceptStop|svc.AcceptShutdown {
			t.Errorf("accepts %b, want stop and shutdown", got.Accepts)
		}
	case <-time.After(time.Minute):
		t.Fatalf("state %d does not come", state)
	}
}

// TestStopDrains: the manager hears that the service is stopping before the program
// does, and that it has stopped after the program's last deed.
func TestStopDrains(t *testing.T) {
	for _, order := range []svc.Cmd{svc.Stop, svc.Shutdown} {
		var did []string
		told, drained := make(chan struct{}), make(chan struct{})
		m := manage(t, &program{
			exit: func(int) { t.Error("the process was ended") },
			run: func(ctx context.Context, ready func()) error {
				ready()
				<-ctx.Done()
				close(told)
				<-drained
				did = append(did, "drained")
				return nil
			},
		})
		m.want(t, svc.StartPending)
		m.want(t, svc.Running)
		m.requests <- svc.ChangeRequest{Cmd: order}
		m.want(t, svc.StopPending)
		<-told
		select {
		case <-m.ended:
			t.Error("it has stopped before the program was drained")
		default:
		}
		close(drained)
		if code := <-m.ended; code != 0 {
			t.Errorf("got code %d, want 0", code)
		}
		if diff := cmp.Diff(did, []string{"drained"}); diff != "" {
			t.Errorf("before it had stopped (-got +want):\n%s", diff)
		}
	}
}

// TestStartFails: a program that ends before it is ready never ran.
func TestStartFails(t *testing.T) {
	for name, end := range map[string]error{"with an error": errors.New("no configuration"), "without": nil} {
		m := manage(t, &program{run: func(context.Context, func()) error { return end }})
		m.want(t, svc.StartPending)
		if code := <-m.ended; code == 0 {
			t.Errorf("%s: got code 0, want a failure", name)
		}
	}
}

// TestUnexpectedEndIsCrash: a program that ends of itself ends the process, so that the
// manager starts it again.
func TestUnexpectedEndIsCrash(t *testing.T) {
	end, code := make(chan struct{}), make(chan int, 1)
	m := manage(t, &program{
		exit: func(c int) { code <- c },
		run: func(_ context.Context, ready func()) error {
			ready()
			<-end
			return errors.New("out of order")
		},
	})
	m.want(t, svc.StartPending)
	m.want(t, svc.Running)
	close(end)
	select {
	case got := <-code:
		if got != 1 {
			t.Errorf("got exit code %d, want 1", got)
		}
	case <-time.After(time.Minute):
		t.Fatal("the process goes on")
	}
	m.requests <- svc.ChangeRequest{Cmd: svc.Stop}
	m.want(t, svc.StopPending)
	<-m.ended
}

func TestMultiString(t *testing.T) {
	got, err := multiString([]string{"A", "Bc"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, []uint16{'A', 0, 'B', 'c', 0, 0}); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
}

// TestRecovery is all that is known of the recovery where the manager keeps none.
func TestRecovery(t *testing.T) {
	want := []mgr.RecoveryAction{
		{Type: mgr.ServiceRestart, Delay: 5 * time.Second},
		{Type: mgr.ServiceRestart, Delay: 30 * time.Second},
		{Type: mgr.ServiceRestart, Delay: 5 * time.Minute},
	}
	if diff := cmp.Diff(recovery(), want); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
}

// TestRegistration installs the service and reads back what the manager keeps.
func TestRegistration(t *testing.T) {
	if word, err := Status(); err != nil || word != "not installed" {
		t.Skipf("not run: the service is %s here (%v)", word, err)
	}
	if err := Install(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Uninstall(); err != nil {
			t.Error(err)
		}
		if word, err := Status(); err != nil || word != "not installed" {
			t.Errorf("afterwards: %s, %v", word, err)
		}
		if err := checkEventSource(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("afterwards: %v, want no event log source", err)
		}
	})
	if err := Install(); err == nil {
		t.Error("it was installed twice")
	}
	if word, err := Status(); err != nil || word != "stopped" {
		t.Errorf("installed: %s, %v, want stopped", word, err)
	}
	if err := errors.Join(withService(checkRegistration), checkEventSource()); err != nil {
		t.Error(err)
	}
}
