//go:build unix

package main

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Whoever reads its log ends: the service goes on.
func TestLogReaderExits(t *testing.T) {
	p := &program{t: t, ca: filepath.Join(t.TempDir(), "ca.pem")}
	p.cmd = exec.CommandContext(t.Context(), os.Args[0], "--verbose", "--ca-out", p.ca)
	p.cmd.Env = append(p.cmd.Environ(), asProgram+"=1")
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = writer, writer
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); _ = p.cmd.Wait() })
	for sc := bufio.NewScanner(reader); p.url == "" && sc.Scan(); {
		if url, ok := strings.CutPrefix(sc.Text(), "listening on "); ok {
			p.url = url
		}
	}
	_ = writer.Close()
	_ = reader.Close()
	client := &http.Client{Transport: p.transport("")}
	for range 3 { // each is a line of the log
		res, err := client.Get(p.url)
		if err != nil {
			t.Fatalf("the emulator ended with its log: %v", err)
		}
		_ = res.Body.Close()
	}
}

// The end of a terminal's session does not end the service.
func TestIgnoresHangup(t *testing.T) {
	p := start(t)
	defer p.stop()
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: p.transport("")}
	for range 20 {
		res, err := client.Get(p.url)
		if err != nil {
			t.Fatalf("the emulator ended with the session: %v", err)
		}
		_ = res.Body.Close()
		client.CloseIdleConnections()
		time.Sleep(10 * time.Millisecond) // for a signal that ends it to arrive
	}
}
