//go:build !windows

package main

func onThisSystem(s survey) survey { return s }

// packageDirs is where packages put the daemon.
func packageDirs() []string { return []string{"/usr/sbin", "/usr/local/sbin"} }
