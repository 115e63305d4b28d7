package emulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const algorithm = jose.ES256

// signer makes the realm's access tokens, and knows them again.
type signer struct {
	key jose.JSONWebKey // the public half
	jws jose.Signer
}

// claims is an access token. Claims that jwt.Claims lacks have Keycloak's names.
type claims struct {
	jwt.Claims
	Type   string `json:"typ"`
	Client string `json:"azp"`
	Scope  string `json:"scope"`
	Realm  roles  `json:"realm_access"`
}

type roles struct {
	Roles []string `json:"roles,omitempty"`
}

// claimsFor returns the claims of an access token.
func claimsFor(subject, client string, has ...string) claims {
	return claims{Claims: jwt.Claims{Subject: subject}, Type: "Bearer", Client: client, Scope: scope, Realm: roles{has}}
}

// newSigner takes the key that the Store keeps, or without one makes its own.
func newSigner(s *Store) (*signer, error) {
	der, err := s.GetOrCreate("signing key", func() ([]byte, error) {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("make signing key: %w", err)
		}
		return x509.MarshalECPrivateKey(private)
	})
	if err != nil {
		return nil, err
	}
	private, err := x509.ParseECPrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("read signing key: %w", err)
	}
	sum := sha256.Sum256(der)
	key := jose.JSONWebKey{Key: private.Public(), KeyID: hex.EncodeToString(sum[:8]), Algorithm: string(algorithm), Use: "sig"}
	opts := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", key.KeyID)
	jws, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: private}, opts)
	if err != nil {
		return nil, fmt.Errorf("use signing key: %w", err)
	}
	return &signer{key: key, jws: jws}, nil
}

// access signs an access token. No two are alike.
func (s *signer) access(who claims, issuer string, now time.Time, life time.Duration) (string, error) {
	now = now.Truncate(time.Second) // as the claims are, so that exp-iat is the whole life
	who.ID, who.Issuer = rand.Text(), issuer
	who.IssuedAt, who.Expiry = jwt.NewNumericDate(now), jwt.NewNumericDate(now.Add(life))
	token, err := jwt.Signed(s.jws).Claims(who).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign access token: %w", err)
	}
	return token, nil
}

// verify returns the subject of an access token that this emulator signed and that is
// valid.
func (s *signer) verify(token string, now time.Time) (claims, error) {
	ours := func(string) (any, error) { return s.key.Key, nil }
	return verify(token, []jose.SignatureAlgorithm{algorithm}, ours, jwt.Expected{Time: now})
}

// verify returns the subject of an access token, if its claims are as expected and the
// key with its id signed it.
func verify(token string, algorithms []jose.SignatureAlgorithm, key func(id string) (any, error), expected jwt.Expected) (claims, error) {
	parsed, err := jwt.ParseSigned(token, algorithms)
	if err != nil {
		return claims{}, fmt.Errorf("read access token: %w", err)
	}
	signedBy, err := key(parsed.Headers[0].KeyID)
	if err != nil {
		return claims{}, err
	}
	var who claims
	if err = parsed.Claims(signedBy, &who); err == nil {
		err = who.ValidateWithLeeway(expected, 0)
	}
	if err != nil {
		return claims{}, fmt.Errorf("verify access token: %w", err)
	}
	return who, nil
}

// public is the realm's JSON Web Key Set.
func (s *signer) public() jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{s.key}}
}
