package main

import (
	"context"
	"net"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"

	"regent/agent/doctor"
	"regent/platform/acl"
	"regent/platform/device"
	"regent/platform/layout"
	"regent/platform/localsock"
	"regent/platform/peer"
	"regent/platform/service"
)

// onThisSystem adds what Windows has. Its pipe has no mode; the look at a file
// would also open it.
func onThisSystem(s survey) survey {
	s.closed = func(string) string { return "" }
	s.windows = lookAtWindows
	s.elevated = func() bool { return windows.GetCurrentProcessToken().IsElevated() }
	return s
}

// packageDirs is none: the MSI puts the programs into one folder. Any path without
// a drive is on the current one, where an ordinary user may make folders.
func packageDirs() []string { return nil }

// lookAtWindows asks the system itself: all of it can be had while no daemon runs.
func lookAtWindows(ctx context.Context, socket string, d *doctor.Daemon) *doctor.Windows {
	w := &doctor.Windows{Keeper: seen(layout.TimeService)}
	if socket != localsock.DefaultPath {
		return w // it is not the installed daemon's
	}
	w.Service = seen(layout.Service)
	places := layout.DefaultPaths()
	w.Lists = exposedFiles(filepath.Dir(places.Config), places.StateDir)
	ctx, cancel := within(ctx, answerTime)
	defer cancel()
	c, err := localsock.Dial(ctx, socket)
	if err != nil {
		return w // why is known from asking the daemon
	}
	defer c.Close() //nolint:errcheck // nothing was said
	if s, err := peer.ServerOf(c); err == nil {
		w.Server = &doctor.Server{PID: s.PID, Exe: s.Exe}
	}
	if d != nil { // of somebody else's pipe the access says nothing
		w.Lists = withPipe(w.Lists, socket, c)
	}
	return w
}

// seen is a service, nil if the manager does not say.
func seen(name string) *doctor.Service {
	s, err := service.Look(name)
	if err != nil {
		return nil
	}
	return &doctor.Service{Name: name, State: s.State, Start: s.Start, PID: s.PID, Exit: s.Exit}
}

// exposedFiles is nil if this user may not look at them.
func exposedFiles(data, state string) *doctor.Lists {
	found, err := acl.ExposedFiles(data, state)
	if err != nil {
		return nil
	}
	return &doctor.Lists{Widened: widened(found)}
}

// withPipe adds the pipe, at which everybody may look.
func withPipe(l *doctor.Lists, path string, c net.Conn) *doctor.Lists {
	found, err := acl.ExposedPipe(path, c)
	if err != nil || l == nil && len(found) == 0 {
		return l
	}
	if l == nil {
		l = &doctor.Lists{}
	}
	l.Widened = append(l.Widened, widened(found)...)
	return l
}

func widened(found []acl.Exposed) (all []doctor.Widened) {
	for _, e := range found {
		all = append(all, doctor.Widened{Path: e.Path, Who: e.Who, Mend: e.Mend})
	}
	return all
}

// ofThisSystem are the proxies that Windows has for this user, to each host that
// the daemon looked at.
func ofThisSystem(d doctor.Daemon) (all []doctor.Proxy) {
	settings, err := device.Of()
	if err != nil {
		return nil
	}
	for _, w := range d.Ways {
		host, _, _ := strings.Cut(w.Host, ":")
		for _, s := range settings {
			if proxy, is := s.For(host); is {
				all = append(all, doctor.Proxy{Host: w.Host, Where: s.Where, Proxy: proxy})
			}
		}
	}
	return all
}
