//go:build !windows

package main

func onThisSystem(s survey) survey { return s }
