package store

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
)

// File names. A record's file has the escaped name of the record. Only a-z, 0-9, - and . are
// not escaped: some file systems ignore case, and some reserve characters. The prefix avoids
// reserved device names (con, nul) and hidden files. If the name is too long for a file
// system, the file has its hash as the name. The record contains the name itself.
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

// nameOf is the inverse of fileOf. It returns false for a name that fileOf never returns,
// and for a hashed one. The name of a hashed one is only in the record.
func nameOf(file string) (name string, ok bool) {
	body, plain := strings.CutPrefix(file, plainPrefix)
	body, record := strings.CutSuffix(body, recordSuffix)
	if !plain || !record {
		return "", false
	}
	name, err := url.PathUnescape(body)
	return name, err == nil && CheckName(name) == nil && fileOf(name) == file
}

// isRecord reports whether the file has the name of a record, readable or not. Damaged
// copies (.corrupt-1) have not.
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
			const digits = "0123456789abcdef"
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

func standsForItself(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.'
}
