package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"regent/agent/fault"
)

// line is the written form of an event: one JSON object. Other programs read its keys: add
// keys, but never change one.
type line struct {
	At       time.Time  `json:"at"`
	Event    string     `json:"event"` // "access" or "change"
	Action   string     `json:"action,omitempty"`
	Instance string     `json:"instance,omitempty"`
	Tenant   string     `json:"tenant,omitempty"`
	UID      string     `json:"uid,omitempty"`
	User     string     `json:"user,omitempty"`
	PID      int        `json:"pid,omitempty"`
	Exe      string     `json:"exe,omitempty"`
	Unit     string     `json:"unit,omitempty"`
	Weak     bool       `json:"weak,omitempty"`
	Allow    any        `json:"allow,omitempty"` // a bool, nil of a change: a *bool would cost memory for each line
	Rule     string     `json:"rule,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	From     string     `json:"from,omitempty"`
	To       string     `json:"to,omitempty"`
	Outcome  fault.Kind `json:"outcome,omitempty"` // "" is success
	Times    int        `json:"times,omitempty"`   // requests since Since; 0 means one
	Since    time.Time  `json:"since,omitzero"`
}

// newEncoder returns an encoder of lines. It does not escape <, > and &, since people read
// the lines.
func newEncoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

// lineOf returns the line of an event.
func lineOf(e Event) line {
	switch e := e.(type) {
	case Access:
		l := line{
			At: e.At.UTC(), Event: "access", Action: e.Action, Instance: e.Instance,
			UID: e.Caller.UID, User: e.Caller.User, PID: e.Caller.PID, Exe: e.Caller.Exe, Unit: e.Caller.Unit, Weak: e.Caller.Weak,
			Allow: e.Decision.Allow, Rule: e.Decision.Rule, Reason: e.Decision.Reason, Outcome: e.Outcome,
		}
		if e.Times > 1 {
			l.Times, l.Since = e.Times, e.Since.UTC()
		}
		return l
	case Change:
		return line{
			At: e.At.UTC(), Event: "change", Instance: e.Instance.String(), Tenant: e.Instance.Tenant,
			From: string(e.From), To: string(e.To), Outcome: e.Cause,
		}
	}
	return line{Event: fmt.Sprintf("[unexpected] %T", e)}
}

// kind returns the line without the fields that differ in events of one kind.
func (l line) kind() line {
	l.At, l.Since, l.Times, l.PID, l.Allow = time.Time{}, time.Time{}, 0, 0, nil
	return l
}

// MaxFileSize is the largest size of an audit log, in bytes. NAME.1 may be as large.
const MaxFileSize = 8 << 20

// File is a [Log] of JSON lines. At [MaxFileSize] it replaces NAME.1, and a new file begins.
// A recorded line is written but not synced: a power failure may lose it. It is safe for
// concurrent use.
type File struct {
	path    string
	maxSize int64

	mu      sync.Mutex
	file    *os.File
	size    int64
	last    line // last, text and encoder are reused for each event
	text    bytes.Buffer
	encoder *json.Encoder
}

var _ Log = (*File)(nil)

// OpenFile opens the log at path. A new one has the mode 0600.
func OpenFile(path string) (*File, error) {
	f := &File{path: path, maxSize: MaxFileSize}
	f.encoder = newEncoder(&f.text)
	if err := f.open(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *File) open() error {
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open audit log: %w", err)
	}
	st, err := file.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("open audit log: %w", err), file.Close())
	}
	f.file, f.size = file, st.Size()
	return nil
}

// Record implements [Log].
func (f *File) Record(_ context.Context, e Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = lineOf(e)
	f.text.Reset()
	if err := f.encoder.Encode(&f.last); err != nil {
		return fmt.Errorf("encode audit record: %w", err)
	}
	b := f.text.Bytes()
	if f.size+int64(len(b)) > f.maxSize {
		if err := f.rotate(); err != nil {
			return err
		}
	}
	n, err := f.file.Write(b)
	f.size += int64(n)
	if err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	return nil
}

// rotate begins a new file. If that fails, it opens the old file again, so that a short
// failure does not end the log.
func (f *File) rotate() error {
	err := errors.Join(f.file.Close(), os.Rename(f.path, f.path+".1"))
	if err = errors.Join(err, f.open()); err != nil {
		return fmt.Errorf("begin a new audit log: %w", err)
	}
	return nil
}

// Close closes the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.file.Close()
}
