package process

import (
	"context"
	"log/slog"
	"sync"
)

// LostRecords counts lost log records. The zero value is ready. It is safe for concurrent
// use.
type LostRecords struct {
	mu      sync.Mutex
	lost    int
	notify  func(lost int, why error)
	lastErr error
}

// Notify sets the function notify. It is called at each change with the number of records lost
// since the last success, and the last error. 0 means that writing works again. Notify calls
// it at once if the number is not 0. notify must not log.
func (c *LostRecords) Notify(notify func(lost int, why error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notify = notify
	if c.lost > 0 {
		notify(c.lost, c.lastErr)
	}
}

// Handler returns a handler that writes to h and counts its failures.
func (c *LostRecords) Handler(h slog.Handler) slog.Handler { return &countingHandler{h, c} }

// record stores the result of writing a record. After a success it returns the number of
// records lost before.
func (c *LostRecords) record(err error) (lost int, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		c.lost, c.lastErr = c.lost+1, err
	case c.lost > 0:
		lost, why = c.lost, c.lastErr
		c.lost, c.lastErr = 0, nil
	default:
		return 0, nil
	}
	if c.notify != nil {
		c.notify(c.lost, c.lastErr)
	}
	return lost, why
}

type countingHandler struct {
	slog.Handler
	count *LostRecords
}

// Unwrap returns the underlying handler.
func (h *countingHandler) Unwrap() slog.Handler { return h.Handler }

// Handle implements [slog.Handler].
func (h *countingHandler) Handle(ctx context.Context, r slog.Record) error {
	err := h.Handler.Handle(ctx, r)
	lost, why := h.count.record(err)
	if lost == 0 {
		return err
	}
	note := slog.NewRecord(r.Time, slog.LevelWarn, "records before this one could not be written to the log", 0)
	note.AddAttrs(slog.Int("lost", lost), slog.Any("err", why))
	return h.Handler.Handle(ctx, note)
}

// WithAttrs implements [slog.Handler].
func (h *countingHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &countingHandler{h.Handler.WithAttrs(attrs), h.count}
}

// WithGroup implements [slog.Handler].
func (h *countingHandler) WithGroup(name string) slog.Handler {
	return &countingHandler{h.Handler.WithGroup(name), h.count}
}
