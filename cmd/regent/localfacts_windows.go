package main

import (
	"context"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"

	"regent/agent/doctor"
	"regent/platform/device"
	"regent/platform/files"
	"regent/platform/layout"
	"regent/platform/localsock"
	"regent/platform/peer"
	"regent/platform/service"
)

// addSystemFacts adds what Windows has. Its pipe has no mode; the look at a file
// would also open it.
func addSystemFacts(s localFacts) localFacts {
	s.socketMode = func(string) string { return "" }
	s.windows = readWindowsFacts
	s.elevated = func() bool { return windows.GetCurrentProcessToken().IsElevated() }
	return s
}

// packageDirs is none: the MSI puts the programs into one folder. Any path without
// a drive is on the current one, where an ordinary user may make folders.
func packageDirs() []string { return nil }

// readWindowsFacts asks the system itself: all of it can be had while no daemon runs.
func readWindowsFacts(ctx context.Context, socket string, d *doctor.Daemon) *doctor.Windows {
	w := &doctor.Windows{TimeService: serviceState(layout.TimeService)}
	if socket != localsock.DefaultPath {
		return w // it is not the installed daemon's
	}
	w.Service = serviceState(layout.Service)
	places := layout.DefaultPaths()
	w.AccessLists = broadAccess(files.FileExposures(filepath.Dir(places.Config), places.StateDir))
	ctx, cancel := withTimeout(ctx, answerTime)
	defer cancel()
	c, err := localsock.Dial(ctx, socket)
	if err != nil {
		return w // why is known from asking the daemon
	}
	defer c.Close() //nolint:errcheck // nothing was said
	if s, err := peer.ServerOf(c); err == nil {
		w.PipeOwner = &doctor.PipeOwner{PID: s.PID, Exe: s.Exe}
	}
	if d != nil { // of somebody else's pipe the access says nothing
		w.AccessLists = append(w.AccessLists, broadAccess(files.PipeExposures(socket, c))...) // everybody may look at it
	}
	return w
}

// serviceState is a service, nil if the manager does not say.
func serviceState(name string) *doctor.Service {
	s, err := service.Query(name)
	if err != nil {
		return nil
	}
	return &doctor.Service{Name: name, State: s.State, Start: s.Start, PID: s.PID, Exit: s.Exit}
}

// broadAccess is nil if this user may not look.
func broadAccess(found []files.Exposure, err error) []doctor.BroadAccess {
	if err != nil {
		return nil
	}
	all := []doctor.BroadAccess{}
	for _, e := range found {
		all = append(all, doctor.BroadAccess{Path: e.Path, Who: e.Problem, Fix: e.FixCommand})
	}
	return all
}

// systemProxies are the proxies that Windows has for this user, to each host that
// the daemon looked at.
func systemProxies(d doctor.Daemon) (all []doctor.Proxy) {
	settings, err := device.ReadProxies()
	if err != nil {
		return nil
	}
	for _, w := range d.ServiceChecks {
		host, _, _ := strings.Cut(w.Host, ":")
		for _, s := range settings {
			proxy, is, err := s.ProxyFor(host)
			p := doctor.Proxy{Host: w.Host, Where: s.Source, Proxy: proxy}
			if err != nil {
				p.Flaw = err.Error()
			}
			if is || err != nil {
				all = append(all, p)
			}
		}
	}
	return all
}
