// Package configs holds the shipped default files. All of them are made from
// policy's table by go generate, and a test holds that they are up to date. It
// must not know who installs them where.
package main

import _ "embed"

//go:generate go run ./internal/gen

// Default is the commented default config.yaml, as packages install it. It sets
// nothing.
//
//go:embed config.yaml
var Default string
