package main

import (
	"testing"

	"regent/packaging/manualtest"
)

var manual = manualtest.NewFlags()

func TestManual(t *testing.T) {
	manualtest.Write(t, manual, command(), "1", manualtest.Page{
		Files:       [][2]string{{"FILE of --data", "All data of the service, with its secrets. Without it, the data ends with the program."}},
		Environment: [][2]string{{"none", "The emulator reads no environment variable."}},
	})
}
