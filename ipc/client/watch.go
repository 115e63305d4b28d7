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

// Watch yields what the instances of an application are now, then every change:
// of their states, and each new token's generation. It ends with an error, ctx's
// or the agent's end among them; who wants to go on watches again.
func (c *Client) Watch(ctx context.Context, application string) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		resp, err := c.requestWithRetry(ctx, "watch", http.MethodGet, api.PathWatch+"?"+url.Values{"application": {application}}.Encode(), nil)
		if err != nil {
			yield(api.Event{}, err)
			return
		}
		defer func() { _ = resp.Body.Close() }() // it has no end that could be read
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

// eventReader reads server-sent events, as far as the agent sends them.
type eventReader struct{ lines *bufio.Scanner }

// next returns the next event of an instance. Others are of a newer agent and
// passed over.
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
