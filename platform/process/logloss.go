package process

import (
	"context"
	"log/slog"
	"sync"
)

// LogLoss counts lost records. The zero value is ready. It is safe for concurrent
// use.
type LogLoss struct {
	mu      sync.Mutex
	lost    int
	told    func(lost int, why error)
	because error
}

// Tell has told called with the number of records lost since writing last worked,
// and the last error; now, if that is not 0, then at each change. 0 is that
// writing works again. told must not log.
func (c *LogLoss) Tell(told func(lost int, why error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = told
	if c.lost > 0 {
		told(c.lost, c.because)
	}
}

// Handler returns h with its failures counted.
func (c *LogLoss) Handler(h slog.Handler) slog.Handler { return &handler{h, c} }

// written notes what came of a record. It returns how many were lost before one
// that was written.
func (c *LogLoss) written(err error) (lost int, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		c.lost, c.because = c.lost+1, err
	case c.lost > 0:
		lost, why = c.lost, c.because
		c.lost, c.because = 0, nil
	default:
		return 0, nil
	}
	if c.told != nil {
		c.told(c.lost, c.because)
	}
	return lost, why
}

type handler struct {
	slog.Handler
	count *LogLoss
}

// Unwrap returns the handler that writes.
func (h *handler) Unwrap() slog.Handler { return h.Handler }

// Handle implements [slog.Handler].
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	err := h.Handler.Handle(ctx, r)
	lost, why := h.count.written(err)
	if lost == 0 {
		return err
	}
	note := slog.NewRecord(r.Time, slog.LevelWarn, "records before this one could not be written to the log", 0)
	note.AddAttrs(slog.Int("lost", lost), slog.Any("err", why))
	return h.Handler.Handle(ctx, note)
}

// WithAttrs implements [slog.Handler].
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.Handler.WithAttrs(attrs), h.count}
}

// WithGroup implements [slog.Handler].
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.Handler.WithGroup(name), h.count}
}
