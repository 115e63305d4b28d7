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

// addSystemFacts adds the facts of Windows. A pipe has no mode, and a stat would open it.
func addSystemFacts(s localFacts) localFacts {
	s.socketMode = func(string) string { return "" }
	s.windows = readWindowsFacts
	s.elevated = func() bool { return windows.GetCurrentProcessToken().IsElevated() }
	return s
}

// packageDirs is none: the MSI installs the programs in one folder. A path without a
// drive would be on the current drive, where any user may make folders.
func packageDirs() []string { return nil }

// readWindowsFacts asks the system. It needs no daemon.
func readWindowsFacts(ctx context.Context, socket string, d *doctor.Daemon) *doctor.Windows {
	w := &doctor.Windows{TimeService: serviceState(layout.TimeService)}
	if socket != localsock.DefaultPath {
		return w // not the installed daemon
	}
	w.Service = serviceState(layout.Service)
	places := layout.DefaultPaths()
	w.AccessLists = broadAccess(files.FileExposures(filepath.Dir(places.Config), places.StateDir))
	ctx, cancel := withTimeout(ctx, answerTime)
	defer cancel()
	c, err := localsock.Dial(ctx, socket)
	if err != nil {
		return w // the call to the daemon has the reason
	}
	defer c.Close() //nolint:errcheck // nothing was written
	if s, err := peer.ServerOf(c); err == nil {
		w.PipeOwner = &doctor.PipeOwner{PID: s.PID, Exe: s.Exe}
	}
	if d != nil { // the access to a foreign pipe has no meaning
		w.AccessLists = append(w.AccessLists, broadAccess(files.PipeExposures(socket, c))...) // every user may read it
	}
	return w
}

// serviceState returns the state of a service; nil if the manager does not answer.
func serviceState(name string) *doctor.Service {
	s, err := service.Query(name)
	if err != nil {
		return nil
	}
	return &doctor.Service{Name: name, State: s.State, Start: s.Start, PID: s.PID, Exit: s.Exit}
}

// broadAccess is nil if this user may not read the access lists.
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

// systemProxies returns the proxies in Windows for this user, to each host that the
// daemon checked.
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
