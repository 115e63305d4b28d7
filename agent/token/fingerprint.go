package token

import (
	"crypto/sha256"
	"encoding/hex"
	"runtime/debug"
	"sync"

	"golang.org/x/crypto/argon2"
)

// The fingerprint of a registration token is argon2id with these parameters. All
// programs and releases use the same, since people compare fingerprints. One takes
// 0.1 to 0.3 s and 32 MiB on a small device.
const (
	fingerprintSalt   = "regent registration token fingerprint 1"
	fingerprintPasses = 2
	fingerprintMemory = 32 << 10 // KiB
	fingerprintSize   = 6        // bytes, of which each is two digits
)

// fingerprintCache are the fingerprints that this process computed, by SHA-256. One is
// computed at a time: each takes much memory.
var fingerprintCache struct {
	sync.Mutex
	by map[[sha256.Size]byte]string
}

// maxCachedFingerprints bounds them.
const maxCachedFingerprints = 64

// Fingerprint names a registration token without showing it: 12 hex digits of a
// slow hash, so that who reads it cannot try passwords against it at any speed. It
// is for administrators. The first call for a registration token takes as long as
// the parameters say: compute it where the token is received, and keep it. It is
// safe for concurrent use.
func Fingerprint(registration Secret) string {
	plain := []byte(registration.Reveal()) //nolint:forbidigo // only a part of the hash leaves
	key := sha256.Sum256(plain)
	fingerprintCache.Lock()
	defer fingerprintCache.Unlock()
	if known, ok := fingerprintCache.by[key]; ok {
		return known
	}
	sum := argon2.IDKey(plain, []byte(fingerprintSalt), fingerprintPasses, fingerprintMemory, 1, fingerprintSize)
	if fingerprintCache.by == nil || len(fingerprintCache.by) >= maxCachedFingerprints {
		fingerprintCache.by = map[[sha256.Size]byte]string{}
	}
	debug.FreeOSMemory() // a daemon is not to keep for days what it needs once
	fingerprintCache.by[key] = hex.EncodeToString(sum)
	return fingerprintCache.by[key]
}

// LegacyFingerprint is how releases before named a registration token in the
// ledger and in sealed records: the first 8 hex digits of its SHA-256. It is to
// find those lines, and is shown to nobody.
func LegacyFingerprint(registration Secret) string {
	sum := sha256.Sum256([]byte(registration.Reveal())) //nolint:forbidigo // only a part of the sum leaves
	return hex.EncodeToString(sum[:4])
}

// Fingerprints are the names by which a registration token may stand in the ledger.
func Fingerprints(registration Secret) []string {
	return []string{Fingerprint(registration), LegacyFingerprint(registration)}
}
