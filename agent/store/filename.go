package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
)

// File names. A record's file is called after its name, escaped so that every
// file system keeps it apart from every other: only a-z, 0-9, - and . stand for
// themselves, since some systems fold case and some reserve characters. The
// prefix keeps clear of reserved device names (con, nul) and of hidden files. A
// name that grows too long for a file system is replaced by its hash; the name
// itself is in the record.
const (
	plainPrefix  = "r-"
	hashedPrefix = "h-"
	recordSuffix = ".rec"
	tempPrefix   = "t-"
	tempSuffix   = ".tmp"

	maxFileName = 200 // bytes; common file systems allow 255, some encrypted ones 143 to 220
)

// fileOf returns the name of the file that holds the record name.
func fileOf(name string) string {
	file := plainPrefix + escape(name) + recordSuffix
	if len(file) <= maxFileName {
		return file
	}
	sum := sha256.Sum256([]byte(name))
	return hashedPrefix + hex.EncodeToString(sum[:]) + recordSuffix
}

// nameOf is the inverse of fileOf. It reports false for a file that was never
// made by fileOf, and for a hashed one, whose name only the record tells.
func nameOf(file string) (name string, ok bool) {
	body, plain := strings.CutPrefix(file, plainPrefix)
	body, record := strings.CutSuffix(body, recordSuffix)
	if !plain || !record {
		return "", false
	}
	name, err := url.PathUnescape(body)
	return name, err == nil && CheckName(name) == nil && fileOf(name) == file
}

// isRecord reports whether the file is named like a record, readable or not.
// Copies that were put aside (.corrupt-1) are not.
func isRecord(file string) bool {
	return strings.HasSuffix(file, recordSuffix) &&
		(strings.HasPrefix(file, plainPrefix) || strings.HasPrefix(file, hashedPrefix))
}

func isTemp(file string) bool {
	return strings.HasPrefix(file, tempPrefix) && strings.HasSuffix(file, tempSuffix)
}

func escape(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; standsForItself(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

func standsForItself(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.'
}
