//go:build unix && !darwin

package main

const maxrssUnit = 1 << 10 // kilobytes
