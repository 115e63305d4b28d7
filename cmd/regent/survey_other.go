//go:build !windows

package main

import "regent/agent/doctor"

func onThisSystem(s survey) survey { return s }

// packageDirs is where packages put the daemon.
func packageDirs() []string { return []string{"/usr/sbin", "/usr/local/sbin"} }

// ofThisSystem is none: programs read the environment.
func ofThisSystem(doctor.Daemon) []doctor.Proxy { return nil }
