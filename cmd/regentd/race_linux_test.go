//go:build race && linux

package main

// raceDetector says that the test program has the race detector, which takes time
// and memory of its own.
const raceDetector = true
