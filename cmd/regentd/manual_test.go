package main

import (
	"io"
	"testing"

	"regent/packaging/manualtest"
)

var manual = manualtest.NewFlags()

func TestManual(t *testing.T) { manualtest.Write(t, manual, newRoot(io.Discard, io.Discard), "8") }
