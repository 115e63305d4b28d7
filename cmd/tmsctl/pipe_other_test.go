//go:build !unix

package main

import "github.com/rogpeppe/go-internal/testscript"

func pipe(ts *testscript.TestScript, _ bool, _ []string) { ts.Fatalf("there are no pipes here") }
