package redeem

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"regent/agent/status"
)

// Kind is what a ledger entry says. Its text is the ledger's format.
type Kind = status.LedgerKind

// The kinds of entries. An intent is followed by exactly one of confirmed,
// refused, unused and uncertain; an uncertain one by at most one resolved, a
// confirmed one by at most one forgotten, and if it is unconfirmed by at most one
// compared.
const (
	Intent    Kind = "intent"    // a redemption is about to be sent
	Confirmed Kind = "confirmed" // an auth token was received and is durable
	Refused   Kind = "refused"   // the service said no: no count was used
	Unused    Kind = "unused"    // it cannot have used a count
	Uncertain Kind = "uncertain" // a count may have been used
	Resolved  Kind = "resolved"  // a person looked: Consumed says what they found
	Asked     Kind = "asked"     // a person decided to spend another count
	Forgotten Kind = "forgotten" // the auth token was wiped from this device
	Compared  Kind = "compared"  // a person looked for it in the service's list: Consumed says whether it is there
)

// Entry is one line of the ledger. It contains no secret.
type Entry = status.LedgerEntry

// A line is the entry's JSON object with one more member at its end, the chain:
// an HMAC over the chain before it and the object without it. It is checked
// over the bytes as they lie there, so that any flipped one is found.
const (
	chainPrefix = `,"chain":"`
	chainSuffix = `"}`
	chainSize   = sha256.Size * 2
	suffixSize  = len(chainPrefix) + chainSize + len(chainSuffix)
	maxLine     = 16 << 10
)

// encodeLine returns the line for e, without its newline, and its chain.
func encodeLine(key []byte, before string, e Entry) (line []byte, chain string, err error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, "", fmt.Errorf("encode ledger entry: %w", err)
	}
	if len(body)+suffixSize > maxLine {
		return nil, "", fmt.Errorf("ledger entry has %d bytes, at most %d fit", len(body), maxLine-suffixSize)
	}
	chain = mac(key, before, body)
	line = append(body[:len(body)-1:len(body)-1], chainPrefix+chain+chainSuffix...)
	return line, chain, nil
}

// decodeLine checks line against the chain before it, and returns the entry and
// its chain.
func decodeLine(key []byte, before string, line []byte) (Entry, string, error) {
	if len(line) <= suffixSize || len(line) > maxLine {
		return Entry{}, "", fmt.Errorf("line has %d bytes", len(line))
	}
	cut := len(line) - suffixSize
	suffix := string(line[cut:])
	chain := strings.TrimSuffix(strings.TrimPrefix(suffix, chainPrefix), chainSuffix)
	if len(chain) != chainSize {
		return Entry{}, "", fmt.Errorf("line does not end in its chain")
	}
	body := append(line[:cut:cut], '}')
	if !hmac.Equal([]byte(mac(key, before, body)), []byte(chain)) {
		return Entry{}, "", fmt.Errorf("line was altered, or one before it was removed")
	}
	var e Entry
	if err := json.Unmarshal(body, &e); err != nil {
		return Entry{}, "", fmt.Errorf("decode ledger entry: %w", err)
	}
	return e, chain, nil
}

func mac(key []byte, before string, body []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(before))
	h.Write([]byte{0})
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}
