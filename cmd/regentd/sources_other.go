//go:build !windows && !darwin

package main

// sources is empty: policy is files here.
func sources() []source { return nil }
