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

// startTimeout is the longest time in the state "starting": the manager gives up after 30 s.
// A slower program is not ready then, and continues.
const startTimeout = 20 * time.Second

// errEnded means that the program ended without a stop request.
var errEnded = errors.New("the program ended by itself")

// program is a [Program] with the library's interface.
type program struct {
	run  Program
	exit func(code int) // ends the process

	cancel context.CancelFunc
	ended  chan struct{}
	err    error // the program's error, after its end
}

// Start implements [service.Interface]. It returns when the program is ready or has failed.
func (p *program) Start(service.Service) error {
	ctx, cancel := context.WithCancel(context.Background()) //nolint:forbidigo // the service's root context
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

// watchExit ends the process if the program ends without a stop request. The manager then
// treats this as a crash.
func (p *program) watchExit(ctx context.Context) {
	<-p.ended
	if ctx.Err() == nil {
		p.exit(1)
	}
}

// Stop implements [service.Interface]. It returns when the program has finished its work.
func (p *program) Stop(service.Service) error {
	p.cancel()
	<-p.ended
	return p.err
}

var _ service.Interface = (*program)(nil)

// StartedByManager reports whether the service manager has started this process.
func StartedByManager() bool { return !service.Interactive() || isChildOfManager() }

// isChildOfManager reports whether the manager is this process's parent. The library also
// requires the system's session, which Wine does not have.
func isChildOfManager() bool {
	own, err := peer.Find(os.Getpid())
	if err != nil {
		return false
	}
	defer own.Close() //nolint:errcheck // queried only
	parent, err := peer.Find(own.ParentPID)
	if err != nil {
		return false
	}
	defer parent.Close() //nolint:errcheck // queried only
	return strings.EqualFold(filepath.Base(parent.Exe), "services.exe")
}

// Run runs the program as the service, and returns after it has ended. At a stop or a
// shutdown, Run reports to the manager that the service is stopping, cancels ctx, and
// reports after the program's end that it has stopped. If the program ends by itself, the
// process ends with exit code 1. The manager takes that for a crash and starts it again.
func Run(p Program) error {
	s, err := service.New(&program{run: p, exit: os.Exit}, config())
	if err != nil {
		return fmt.Errorf("run as a service: %w", err)
	}
	if h, ok := s.(svc.Handler); ok && service.Interactive() {
		return svc.Run(layout.Service, h)
	}
	return s.Run()
}

// config returns the library's settings of the service. [configure] sets the others.
func config() *service.Config {
	return &service.Config{
		Name:        layout.Service,
		DisplayName: layout.ServiceDisplayName,
		Description: layout.ServiceDescription,
		Arguments:   strings.Fields(layout.ServiceArguments),
		UserName:    layout.ServiceAccount,
	}
}
