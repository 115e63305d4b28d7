package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"regent/ipc/api"
)

// Watch yields the current state of each instance of an application, then every change of
// a state and every new token. It always ends with an error, for example when ctx is done
// or the agent exits. To continue, call it again.
func (c *Client) Watch(ctx context.Context, application string) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		resp, err := c.requestWithRetry(ctx, "watch", http.MethodGet, api.PathWatch+"?"+url.Values{"application": {application}}.Encode(), nil)
		if err != nil {
			yield(api.Event{}, err)
			return
		}
		defer func() { _ = resp.Body.Close() }() // it has no end to read
		events := eventReader{bufio.NewScanner(resp.Body)}
		for {
			e, err := events.next()
			if err != nil {
				yield(api.Event{}, newNotReachableError(ctx, err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// eventReader reads the server-sent events of the agent.
type eventReader struct{ lines *bufio.Scanner }

// next returns the next event of an instance. It skips other events, which a newer agent
// may send.
func (r eventReader) next() (api.Event, error) {
	name, data := "", ""
	for r.lines.Scan() {
		field, value, _ := strings.Cut(r.lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			name = value
		case "data":
			data += value
		case "":
			if name == api.EventName && data != "" {
				var e api.Event
				if err := json.Unmarshal([]byte(data), &e); err != nil {
					return e, fmt.Errorf("event %.80q: %w", data, err)
				}
				return e, nil
			}
			name, data = "", ""
		}
	}
	if err := r.lines.Err(); err != nil {
		return api.Event{}, err
	}
	return api.Event{}, io.ErrUnexpectedEOF
}
