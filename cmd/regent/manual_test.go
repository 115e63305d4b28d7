package main

import (
	"testing"

	"regent/packaging/manualtest"
)

var manual = manualtest.NewFlags()

func TestManual(t *testing.T) {
	manualtest.Write(t, manual, newRoot(runtimeEnv{getenv: func(string) string { return "" }}), "1")
}
