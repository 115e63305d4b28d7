//go:build !windows

package main

// sources returns none: policy is in files here.
func sources() []source { return nil }
