//go:build !windows

package main

import "regent/agent/doctor"

func addSystemFacts(s localFacts) localFacts { return s }

// packageDirs are the directories of the daemon in the packages.
func packageDirs() []string { return []string{"/usr/sbin", "/usr/local/sbin"} }

// systemProxies is none: programs read the environment.
func systemProxies(doctor.Daemon) []doctor.Proxy { return nil }
