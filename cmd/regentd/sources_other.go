//go:build !windows

package main

// sources is empty: policy is files here.
func sources() []source { return nil }
