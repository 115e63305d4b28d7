package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"regent/agent/status"
	"regent/agent/token"
	"regent/platform/terminal"
)

// plural returns a number with its noun, such as "1 count" or "2 counts".
func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// formatUntil formats a time in the future, such as "in 5 min".
func formatUntil(now, t time.Time) string {
	if d := t.Sub(now); d >= time.Second {
		return "in " + terminal.Duration(d)
	}
	return "now"
}

// formatAgo formats a time in the past, such as "5 min ago".
func formatAgo(now, t time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "some time ago"
	case d >= time.Second:
		return terminal.Duration(d) + " ago"
	}
	return "just now"
}

// stateText describes the state of an instance. held: the agent stores a registration
// token of the tenant. onDemand: it redeems only when an application asks.
func stateText(i status.Instance, held, onDemand bool) string {
	switch s := token.State(i.State); {
	case s == token.Unredeemed:
		return unredeemedText(i, held, onDemand)
	case s == token.Expired && i.LastFault == nil:
		return "expired, refreshed when asked for"
	}
	return cmp.Or(stateTexts[token.State(i.State)], printable(i.State))
}

var stateTexts = map[token.State]string{
	token.Uncertain:      "uncertain: a person decides",
	token.Live:           "live",
	token.Stale:          "live, refresh fails",
	token.Expired:        "expired, refresh fails",
	token.RefreshLost:    "refresh token lost",
	token.RefreshExpired: "refresh token expired",
	token.Revoked:        "revoked by the service",
}

// unredeemedText says why an instance has no auth token yet.
func unredeemedText(i status.Instance, held, onDemand bool) string {
	switch {
	case i.NeedsRedeem():
		return "waiting for an administrator"
	case i.LastFault != nil && !i.NeedsRegistration(held):
		return "not redeemed: " + valueText(i.LastFault.Code)
	case i.NeedsRegistration(held):
		return "waiting for a registration token"
	case onDemand:
		return "redeemed when asked for"
	}
	return "not redeemed yet"
}

// reachableTexts complete "HOST, ".
var reachableTexts = map[string]string{"yes": "reachable", "no": "not usable now"} // the host may answer as another server

// holderText names the process or unit that uses an instance, or the last one if it ended.
func holderText(i status.Instance) string {
	switch {
	case i.Holder != nil:
		return printable(i.Holder.Text())
	case i.Leased:
		return "another process"
	case i.LastHolder != nil:
		return printable("nobody (last: " + i.LastHolder.Text() + ")")
	}
	return "nobody"
}

// groups returns the values grouped by key, in the order of their first values.
func groups[T any, K comparable](all []T, key func(T) K) (out [][]T) {
	at := map[K]int{}
	for _, v := range all {
		i, known := at[key(v)]
		if !known {
			i, out = len(out), append(out, nil)
			at[key(v)] = i
		}
		out[i] = append(out[i], v)
	}
	return out
}

// whitespace lists the characters that printable replaces with a space.
var whitespace = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")

// printable makes foreign text safe for a terminal, for example the name of a program
// or the words of a service.
func printable(s string) string { return terminal.Printable(whitespace.Replace(s)) }
