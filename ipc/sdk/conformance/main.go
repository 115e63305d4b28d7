//go:build unix

// Package main runs the conformance cases of the client libraries.
//
// Each library has a small program, its adapter, that reads commands and prints what
// the library answers. This program plays the other side: a scripted server, or the
// real regentd and emulator. It prints a table of libraries and cases.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"text/tabwriter"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	bin := flag.String("bin", "bin", "directory of regentd, tmsctl and tms-emulator")
	file := flag.String("cases", "ipc/sdk/conformance/cases.json", "file of the cases")
	only := flag.String("run", "", "run only the cases whose name contains this text")
	device := flag.Bool("device", false, "run no cases: each command has a real regentd at REGENT_SOCKET, and succeeds")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: conformance [flags] LIBRARY=COMMAND...\n\nexample: conformance 'python=python3 ipc/sdk/python/tests/adapter.py'")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	do := func() (bool, error) { return run(ctx, *bin, *file, *only, flag.Args()) }
	if *device {
		do = func() (bool, error) { return true, runWithDevice(ctx, *bin, flag.Args()) }
	}
	good, err := do()
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
	if !good {
		os.Exit(1)
	}
}

// run runs every case with every library and prints the table. good says that no case
// failed and each ran with at least one library.
func run(ctx context.Context, bin, file, only string, libraries []string) (good bool, err error) {
	cases, err := readCases(file)
	if err != nil {
		return false, err
	}
	stage, err := newStage(ctx, bin)
	if err != nil {
		return false, err
	}
	defer stage.close()
	names := make([]string, len(libraries))
	commands := make([][]string, len(libraries))
	for i, l := range libraries {
		name, command, ok := strings.Cut(l, "=")
		if !ok {
			return false, fmt.Errorf("%q has no =; write LIBRARY=COMMAND", l)
		}
		names[i], commands[i] = name, strings.Fields(command)
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "case\t"+strings.Join(names, "\t"))
	good = true
	var failures, notRun []string
	for _, c := range cases {
		if !strings.Contains(c.Name, only) {
			continue
		}
		row := []string{c.Name}
		for i, command := range commands {
			result := stage.runCase(ctx, c, command)
			row = append(row, result.word())
			switch {
			case result.err != nil:
				good = false
				failures = append(failures, fmt.Sprintf("%s, %s: %v", names[i], c.Name, result.err))
			case result.notRun != "":
				notRun = append(notRun, fmt.Sprintf("%s, %s: %s", names[i], c.Name, result.notRun))
			}
		}
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	if err := table.Flush(); err != nil {
		return false, err
	}
	for _, line := range append(prefixed("not run: ", notRun), prefixed("FAILED: ", failures)...) {
		fmt.Println(line)
	}
	return good, nil
}

// runWithDevice runs each command with a real regentd. Its socket is REGENT_SOCKET.
func runWithDevice(ctx context.Context, bin string, libraries []string) error {
	stage, err := newStage(ctx, bin)
	if err != nil {
		return err
	}
	defer stage.close()
	device, err := stage.start(ctx, testCase{Server: "real"})
	if err != nil {
		return err
	}
	defer device.close()
	for _, l := range libraries {
		name, command, _ := strings.Cut(l, "=")
		words := strings.Fields(command)
		c := exec.CommandContext(ctx, words[0], words[1:]...)
		c.Env = append(os.Environ(), "REGENT_SOCKET="+device.socket())
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		if err := c.Run(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func prefixed(prefix string, lines []string) []string {
	var all []string
	for _, l := range lines {
		all = append(all, prefix+l)
	}
	return all
}
