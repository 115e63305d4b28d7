package authz_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regent/agent/authz"
)

const sum64 = "ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12"

// The types of the attributes below.
const (
	oidCN = "2.5.4.3"
	oidC  = "2.5.4.6"
	oidO  = "2.5.4.10"
	oidOU = "2.5.4.11"
)

// example is a signer as a certificate has it: the country first.
func example() authz.Signer {
	return authz.Signer{Certificate: sum64, Subject: []authz.Attribute{{OID: oidC, Value: "DE"}, {OID: oidO, Value: "Example GmbH"}, {OID: oidCN, Value: "Example GmbH"}}}
}

// allows asks whether a rule with these words alone admits what is signed so.
func allows(s authz.Signer, words ...string) bool {
	c := authz.Caller{UID: "1000", Evidence: &fakeEvidence{signer: s}}
	return authz.Decide(c, []authz.Rule{{Signers: words}}).Allow
}

func TestSigners(t *testing.T) {
	signer := authz.Signer{Certificate: sum64, Subject: []authz.Attribute{
		{OID: "1.3.6.1.4.1.311.60.2.1.3", Value: "US"}, {OID: oidC, Value: "US"}, {OID: oidO, Value: `Example, "Inc."`}, {OID: oidOU, Value: "Cad"}, {OID: oidOU, Value: "Tools"}, {OID: oidCN, Value: "Example"},
	}}
	for _, tt := range []struct {
		name, word string
		want       bool
	}{
		{"the certificate", "sha256:" + sum64, true},
		{"in capitals", "sha256:" + strings.ToUpper(sum64), true},
		{"another one", "sha256:" + strings.Repeat("ab13", 16), false},
		{"none", "sha256:", false},
		{"a certificate without its word", sum64, false},
		{"CN", "CN=Example", true},
		{"as Windows prints it", `CN=Example, OU=Tools, OU=Cad, O="Example, ""Inc.""", C=US, OID.1.3.6.1.4.1.311.60.2.1.3=US`, true},
		{"in another order", `C=US,O="Example, ""Inc.""",CN=Example`, true},
		{"a type by its number", "OID.2.5.4.3=Example", true},
		{"one part differs", `CN=Example, C=DE`, false},
		{"a part that it has not", `CN=Example, L=Berlin`, false},
		{"a beginning", "CN=Exam", false},
		{"other letters", "CN=example", false},
		{"one of two", "CN=Example, OU=Cad", false},
		{"where, not who", "C=US", false},
		{"nothing", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := allows(signer, tt.word); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	if !allows(signer, "CN=Other", "CN=Example") {
		t.Error("any of the signers must do")
	}
}

func TestNormalizeSigner(t *testing.T) {
	for _, tt := range []struct{ word, want string }{
		{"sha256:" + strings.ToUpper(sum64), "sha256:" + sum64},
		{"O=Example GmbH", "O=Example GmbH"},
		{`cn="Example" ,  o=Example GmbH+ ST=Berlin, OID.2.5.4.6=DE`, "CN=Example, O=Example GmbH, S=Berlin, C=DE"},
		{`O="Example, Inc."`, `O="Example, Inc."`},
		{`O="He said ""#1"""`, `O="He said ""#1"""`},
		{"OID.1.2.3=x, O=y", "OID.1.2.3=x, O=y"},
	} {
		if got, err := authz.NormalizeSigner(tt.word); err != nil || got != tt.want {
			t.Errorf("%s: got %q, %v, want %q", tt.word, got, err, tt.want)
		}
	}
}

// TestNormalizeSignerRefuses: what is wrong is said, with what to write instead.
func TestNormalizeSignerRefuses(t *testing.T) {
	const subject, hash = "SignerCertificate.Subject", "GetCertHashString('SHA256')"
	for _, tt := range []struct {
		word string
		want []string
	}{
		{"", []string{"not a subject", subject}},
		{"Example GmbH", []string{"not a subject", subject}},
		{"X=Example GmbH", []string{"not a subject", subject}},
		{"O=", []string{"not a subject", subject}},
		{`O=""`, []string{"not a subject", subject}},
		{`O="Example`, []string{"not a subject", subject}},
		{`O="Example" GmbH`, []string{"not a subject", subject}},
		{`O=Example "GmbH"`, []string{"not a subject", subject}},
		{"O=Example, Inc.", []string{"not a subject", "in quotes"}},
		{"O=Example,", []string{"not a subject", subject}},
		{"OID.=x, O=y", []string{"not a subject", subject}},
		{strings.Repeat("O=a,", 32) + "O=a", []string{"not a subject", subject}},
		{"C=DE", []string{"has neither O", "all of it in quotes"}},
		{"sha256:ab12", []string{"64 hex digits", hash}},
		{"sha256:" + strings.Repeat("g", 64), []string{"64 hex digits", hash}},
		{strings.Repeat("a", 64), []string{"no sha256: before it", hash}},
		{strings.Repeat("A", 40), []string{"SHA-1", hash}},
	} {
		got, err := authz.NormalizeSigner(tt.word)
		if err == nil {
			t.Errorf("%q: got %q, want an error", tt.word, got)
			continue
		}
		for _, part := range tt.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: got %q, want it to contain %q", tt.word, err, part)
			}
		}
		if allows(example(), tt.word) {
			t.Errorf("%q: is refused, and admits", tt.word)
		}
	}
}

// TestSignerCutShort: a subject of any length leaves room for the certificate.
func TestSignerCutShort(t *testing.T) {
	s := authz.Signer{Certificate: sum64, Subject: []authz.Attribute{{OID: oidO, Value: strings.Repeat("é", 5000)}}}
	got := authz.Decide(authz.Caller{UID: "1000", Evidence: &fakeEvidence{signer: s}}, []authz.Rule{{Signers: []string{"O=x"}}})
	if len(got.Reason) > 300 || !strings.Contains(got.Reason, "(sha256:"+s.Certificate+")") {
		t.Errorf("got %q", got.Reason)
	}
}

// TestSubjectAsRule: what is shown of a signer, as it is short, is a rule that
// admits it, and nobody whose organization is another.
func TestSubjectAsRule(t *testing.T) {
	value := rapid.StringMatching(`[a-c ,"=+#é]{1,6}`)
	rapid.Check(t, func(t *rapid.T) {
		s := authz.Signer{Certificate: sum64}
		for range rapid.IntRange(0, 3).Draw(t, "more") {
			oid := rapid.SampledFrom([]string{oidC, oidOU, oidO, "1.2.3"}).Draw(t, "type")
			s.Subject = append(s.Subject, authz.Attribute{OID: oid, Value: value.Draw(t, "value")})
		}
		s.Subject = append(s.Subject, authz.Attribute{OID: oidO, Value: value.Draw(t, "organization")})
		shown, _, _ := strings.Cut(s.String(), " (sha256:")
		word, err := authz.NormalizeSigner(shown)
		if err != nil {
			t.Fatalf("%q: %v", shown, err)
		}
		if !allows(s, word) {
			t.Fatalf("%q does not admit %+v", word, s)
		}
		other := s
		other.Subject = append(slices.Clone(s.Subject), authz.Attribute{OID: oidO, Value: "other"})
		if allows(other, word) {
			t.Fatalf("%q admits %+v", word, other)
		}
	})
}

func FuzzNormalSigner(f *testing.F) {
	f.Fuzz(func(t *testing.T, word string) {
		got, err := authz.NormalizeSigner(word)
		if err != nil {
			if allows(example(), word) {
				t.Errorf("%q is refused (%v), and admits", word, err)
			}
			return
		}
		if again, err := authz.NormalizeSigner(got); err != nil || again != got {
			t.Errorf("%q became %q, and that %q, %v", word, got, again, err)
		}
		if allows(example(), word) != allows(example(), got) {
			t.Errorf("%q and its normal form %q admit differently", word, got)
		}
	})
}
