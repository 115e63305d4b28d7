package main

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"regent/platform/layout"
)

// identifier makes the GUID of a thing from the upgrade code and words that tell
// the thing from all others: the same words, the same GUID, in every build.
func identifier(words ...string) string {
	sum := sha256.Sum256([]byte(layout.UpgradeCode + "\x00" + strings.Join(words, "\x00")))
	sum[6] = sum[6]&0x0f | 0x80 // version 8: made as the maker likes
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("{%X-%X-%X-%X-%X}", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// PackageCode makes the identifier of one package from the digest of all that it
// is made of: another byte, another package.
func PackageCode(digest []byte) string { return identifier("package", string(digest)) }
