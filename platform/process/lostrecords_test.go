package process

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

// flakyWriter is a log that is broken now and then.
type flakyWriter struct {
	strings.Builder
	broken bool
}

func (p *flakyWriter) Write(b []byte) (int, error) {
	if p.broken {
		return 0, errors.New("broken pipe")
	}
	return p.Builder.Write(b)
}

func TestLostRecordsAreReported(t *testing.T) {
	var out flakyWriter
	var c LostRecords
	log := slog.New(c.Handler(slog.NewTextHandler(&out, nil))).With("k", "v").WithGroup("g")
	log.Info("first")
	out.broken = true
	log.Info("second")
	var told []int
	c.Notify(func(lost int, _ error) { told = append(told, lost) })
	log.Info("third")
	out.broken = false
	log.Info("fourth")
	log.Info("fifth")
	if want := []int{1, 2, 0}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	for _, want := range []string{"msg=first", "msg=fourth", "lost=2", `err="broken pipe"`, "msg=fifth"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log has no %s:\n%s", want, out.String())
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 4 {
		t.Errorf("%d lines, want 4:\n%s", n, out.String())
	}
}
