package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kardianos/service"
	"golang.org/x/sys/windows/svc"

	"regent/platform/layout"
	"regent/platform/peer"
)

// startTimeout is how long the manager is told that the service starts: it gives up
// after 30 s. A program that takes longer is not ready, and goes on.
const startTimeout = 20 * time.Second

// errEnded means that the program ended without having been told to.
var errEnded = errors.New("the program ended of itself")

// program is a [Program] as the library runs it.
type program struct {
	run  Program
	exit func(code int) // ends the process

	cancel context.CancelFunc
	ended  chan struct{}
	err    error // the program's, once ended
}

// Start implements [service.Interface]. It returns when the program is ready, or
// has failed.
func (p *program) Start(service.Service) error {
	ctx, cancel := context.WithCancel(context.Background()) //nolint:forbidigo // the service's beginning
	p.cancel, p.ended = cancel, make(chan struct{})
	ready := make(chan struct{})
	go func() {
		defer close(p.ended)
		p.err = p.run(ctx, func() { close(ready) })
	}()
	select {
	case <-p.ended:
		cancel()
		return errors.Join(errEnded, p.err)
	case <-ready:
	case <-time.After(startTimeout):
	}
	go p.watchExit(ctx)
	return nil
}

// watchExit ends the process when the program ends though nobody has told it to: the
// manager then does what is to be done about a crash.
func (p *program) watchExit(ctx context.Context) {
	<-p.ended
	if ctx.Err() == nil {
		p.exit(1)
	}
}

// Stop implements [service.Interface]. It returns when all that was under way is
// finished.
func (p *program) Stop(service.Service) error {
	p.cancel()
	<-p.ended
	return p.err
}

var _ service.Interface = (*program)(nil)

// StartedByManager reports whether the service manager has started this process.
func StartedByManager() bool { return !service.Interactive() || isChildOfManager() }

// isChildOfManager reports whether the manager is this process's parent. The library also
// wants its session to be the system's, which Wine has not.
func isChildOfManager() bool {
	own, err := peer.Find(os.Getpid())
	if err != nil {
		return false
	}
	defer own.Close() //nolint:errcheck // it was only asked
	parent, err := peer.Find(own.ParentPID)
	if err != nil {
		return false
	}
	defer parent.Close() //nolint:errcheck // it was only asked
	return strings.EqualFold(filepath.Base(parent.Exe), "services.exe")
}

// Run runs the program as the service, and returns after it has ended. At a stop or a
// shutdown, Run reports to the manager that the service is stopping, cancels ctx, and
// reports after the program's end that it has stopped. If the program ends by itself, the
// process ends with exit code 1. The manager takes that for a crash and starts it again.
func Run(p Program) error {
	s, err := service.New(&program{run: p, exit: os.Exit}, config())
	if err != nil {
		return fmt.Errorf("be a service: %w", err)
	}
	if h, ok := s.(svc.Handler); ok && service.Interactive() {
		return svc.Run(layout.Service, h)
	}
	return s.Run()
}

// config is how the library registers the service; what it does not know of is in
// [configure].
func config() *service.Config {
	return &service.Config{
		Name:        layout.Service,
		DisplayName: layout.ServiceDisplayName,
		Description: layout.ServiceDescription,
		Arguments:   strings.Fields(layout.ServiceArguments),
		UserName:    layout.ServiceAccount,
	}
}
