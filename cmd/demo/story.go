package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	"regent/agent/status"
)

// tokenLife is the lifetime of access tokens in the story. It is short enough to see a
// refresh. It is long enough for a slow machine to restart a daemon before the end.
const tokenLife = 20 * time.Second

// shortTimeout limits immediate events on a slow machine.
const shortTimeout = time.Minute

// stepError is the error of a step.
type stepError struct {
	step  int
	title string
	logs  string // the ends of the logs
	err   error
}

func (b *stepError) Error() string { return fmt.Sprintf("step %d, %s: %v", b.step, b.title, b.err) }
func (b *stepError) Unwrap() error { return b.err }

// story is one run: the stage, and the data that later steps use.
type story struct {
	*stage
	dialect   string        // of the service; "" is the emulator's default
	tokenLife time.Duration // of access tokens
	device    *device
	apps      []*application

	token  string // the registration token, to look for where it must not be
	name   string // the registration token's identifier
	before status.Status
	got    [2]answer // by the two applications
}

// runStory runs all steps.
func runStory(ctx context.Context, bin, dialect string, w io.Writer) (err error) {
	s, err := newStory(bin, dialect, tokenLife, w)
	if err != nil {
		return err
	}
	defer func() {
		_ = s.close() // applications end by a signal, and the rest was looked at
		if err == nil {
			err = os.RemoveAll(s.dir)
		}
	}()
	s.show.line("The whole way once, in about %v. It happens in\n   $ export D=%s", tokenLife, s.dir)
	s.show.dir = s.dir
	started := now()
	for _, step := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"The service, with its own identity provider, over TLS", s.serviceStarts},
		{"The Contact Administrator makes a registration token with count 3", s.tokenIsMade},
		{"The device's agent starts, and waits for a registration token", s.agentWaits},
		{"The registration token arrives, and is redeemed for both instances", s.tokenArrives},
		{"Two processes get different access tokens; a third gets none", s.applicationsAsk},
		{"The Contact Administrator sees 2 of 3 counts used, and by whom", s.administratorLooks},
		{"The agent refreshes both auth tokens by itself", s.refreshHappens},
		{"The service stops, the agent restarts, and both tokens are still served", s.serviceStops},
		{"The processes end, and with them their leases; then the agent", s.allEnd},
	} {
		s.show.begin(step.title)
		if err := step.do(ctx); err != nil {
			if late := context.Cause(ctx); late != nil && !errors.Is(err, late) {
				err = fmt.Errorf("%w (%w)", late, err)
			}
			return &stepError{s.show.step, step.title, s.logs(), err}
		}
	}
	s.show.line("\nAll of it was so, in %v.", since(started).Round(100*time.Millisecond))
	return nil
}

// newStory creates the stage. It writes the story to w.
func newStory(bin, dialect string, tokenLife time.Duration, w io.Writer) (*story, error) {
	st, err := newStage(bin, &transcript{w: w, bin: bin})
	return &story{stage: st, dialect: dialect, tokenLife: tokenLife}, err
}

func (s *story) serviceStarts(ctx context.Context) error {
	args := []string{"--access-lifetime", s.tokenLife.String(), "--client-secret-file", s.at("admin/client-secret"), "--verbose", "--request-body", "strict"}
	if s.dialect != "" {
		args = append(args, "--dialect", s.dialect)
	}
	if err := s.startService(ctx, args...); err != nil {
		return err
	}
	s.show.text("It listens at %s, and made a certificate authority, which its clients are given.", s.tenant)
	s.show.line("   $ export TMSCTL_TENANT=%s REGENT_SOCKET=$D/device/agent.sock", s.tenant)
	return nil
}

func (s *story) tokenIsMade(ctx context.Context) error {
	file := s.at("admin/registration-token")
	var list []registration
	err := inOrder(
		func() error {
			return s.do(ctx, "tmsctl", s.admin("registration-token", "create", "--count", "3", "--out", file)...)
		},
		func() error { return s.adminJSON(ctx, &list, "registration-token", "list") },
		func() error { return checkCounts(list, 0) },
	)
	if err != nil {
		return err
	}
	s.name = list[0].Identifier
	text, err := os.ReadFile(file)            //nolint:gosec // the story's own directory
	s.token = strings.TrimSpace(string(text)) // an empty one would be found in every file
	return err
}

func (s *story) agentWaits(ctx context.Context) (err error) {
	var config string
	s.device, config, err = s.newDevice("device", 2, fmt.Sprintf("registration_token_file: %q\n", s.at("device/registration-token")))
	if err != nil {
		return err
	}
	s.show.line("   $ cat $D/device/etc/config.yaml")
	s.show.output(config)
	if err := s.startDaemon(ctx, s.device); err != nil {
		return err
	}
	if s.before, err = s.status(ctx, s.device); err != nil {
		return err
	}
	return errors.Join(s.doUntil(ctx, 5, "regent", "status"), checkWaiting(s.before))
}

func (s *story) tokenArrives(ctx context.Context) error {
	s.show.line("   $ mv $D/admin/registration-token $D/device/registration-token")
	if err := os.Rename(s.at("admin/registration-token"), s.at("device/registration-token")); err != nil {
		return err
	}
	err := s.statusUntil(ctx, shortTimeout, s.device, func(st status.Status) error {
		s.before = st
		return checkRegistered(st)
	})
	if err != nil {
		return err
	}
	if err := s.do(ctx, "regent", "status"); err != nil {
		return err
	}
	if _, err := os.Lstat(s.at("device/registration-token")); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the file of the registration token should be gone: %w", err)
	}
	s.show.text("The file is gone; what the agent keeps is sealed: no file holds the registration token any more.")
	return secretAbsent(s.dir, s.token)
}

func (s *story) applicationsAsk(ctx context.Context) error {
	if err := s.startTwoApps(ctx); err != nil {
		return err
	}
	third, err := s.startApp(ctx, false)
	if err != nil {
		return err
	}
	none, err := third.ask(ctx)
	if err != nil {
		return err
	}
	s.show.text("process %d: %s", third.cmd.Process.Pid, none)
	return inOrder(func() error { return checkRefused(none) }, func() error { return s.do(ctx, "regent", "instances") })
}

func (s *story) administratorLooks(ctx context.Context) error {
	var tokens []registration
	var users []attribution
	return inOrder(
		func() error { return s.do(ctx, "tmsctl", s.admin("registration-token", "list")...) },
		func() error { return s.do(ctx, "tmsctl", s.admin("auth-token", "list")...) },
		func() error { return s.adminJSON(ctx, &tokens, "registration-token", "list") },
		func() error { return s.adminJSON(ctx, &users, "auth-token", "list") },
		func() error { return errors.Join(checkCounts(tokens, 2), checkAttribution(users, s.name)) },
	)
}

// inOrder calls functions in order until one returns an error.
func inOrder(things ...func() error) error {
	for _, do := range things {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

func (s *story) refreshHappens(ctx context.Context) error {
	s.show.text("An access token is good for %v here, and is refreshed between 60 %% and 75 %% of that.", s.tokenLife)
	before := s.got
	err := inOrder(
		func() error {
			return s.statusUntil(ctx, s.tokenLife+shortTimeout, s.device, func(st status.Status) error { return checkRefreshed(s.before, st) })
		},
		func() error { return s.askAgain(ctx) },
	)
	if err != nil {
		return err
	}
	return errors.Join(checkRenewed(before[0], s.got[0]), checkRenewed(before[1], s.got[1]))
}

func (s *story) serviceStops(ctx context.Context) error {
	s.show.text("$ kill %d    # tms-emulator", s.service.cmd.Process.Pid)
	if err := inOrder(s.service.stop, func() error { return s.unreachable(ctx) }); err != nil {
		return err
	}
	before, err := s.tokens(ctx) // a refresh could change them until the service had stopped
	if err != nil {
		return err
	}
	s.show.text("$ kill %d    # regentd, which drains and exits 0", s.device.cmd.Process.Pid)
	err = inOrder(s.device.stop,
		func() error { return s.startDaemon(ctx, s.device) },
		func() error { return s.askAgain(ctx) },
		func() error { return s.apps[0].searchFiles(ctx, s.dir) },
		func() error { return s.apps[1].searchFiles(ctx, s.dir) },
	)
	if err != nil {
		return err
	}
	s.show.text("Both looked through all files below $D: none holds their access token.")
	return checkUnchanged(before, s.got)
}

// startTwoApps starts the two applications that get a token.
func (s *story) startTwoApps(ctx context.Context) error {
	for range s.got {
		if _, err := s.startApp(ctx, false); err != nil {
			return err
		}
	}
	if err := s.askAgain(ctx); err != nil {
		return err
	}
	return checkDistinct(s.got[0], s.got[1])
}

// tokens makes both applications ask for a token, in order.
func (s *story) tokens(ctx context.Context) (got [2]answer, err error) {
	for i := range got {
		if got[i], err = s.apps[i].mustGet(ctx); err != nil {
			return got, err
		}
	}
	return got, nil
}

// askAgain makes both applications ask for a token, and shows the answers.
func (s *story) askAgain(ctx context.Context) (err error) {
	if s.got, err = s.tokens(ctx); err != nil {
		return err
	}
	for i, got := range s.got {
		s.show.text("process %d: %s", s.apps[i].cmd.Process.Pid, got)
	}
	return nil
}

// startApp starts another application.
func (s *story) startApp(ctx context.Context, stays bool) (*application, error) {
	a, err := s.launchApp(ctx, s.device, stays)
	if err == nil {
		s.apps = append(s.apps, a)
	}
	return a, err
}

// unreachable returns an error if the service still listens.
func (s *story) unreachable(ctx context.Context) error {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", strings.Trim(strings.TrimPrefix(s.tenant, "https://"), "/"))
	if err != nil {
		return nil //nolint:nilerr // this is what should be
	}
	return errors.Join(fmt.Errorf("somebody still listens at %s", s.tenant), c.Close())
}

func (s *story) allEnd(ctx context.Context) error {
	for _, a := range s.apps {
		_ = a.stop() // by a signal, so it is no success
	}
	if err := inOrder(func() error { return s.statusUntil(ctx, shortTimeout, s.device, checkFree) }, s.device.stop); err != nil {
		return err
	}
	s.show.text("Nothing runs any more.")
	return nil
}
