package policy

import (
	"errors"
	"strings"

	"regent/agent/tms/contract"
)

// Contract is what nobody has documented of the service, and a tenant may have
// in one form or another. The defaults take every form of an answer.
type Contract struct {
	BasePath           string // "/token/api/v5"
	Reply              string // one of [contract.ReplyForms]
	AccessTokenName    string // contract.AnyForm, or the name
	RegistrationHeader string // one of [contract.Headers]
	Request            string // one of [contract.RequestForms]
	RequestConfirmed   bool   // a person has seen that Request, which is not contract.Auto, is right
}

const (
	basePathPattern = `^/[A-Za-z0-9._/-]*[A-Za-z0-9_-]$`

	// undocumented ends the documentation of each key here.
	undocumented = " agent/tms/CONTRACT.md lists how well this is known. regent doctor --contract shows what your tenant does."
)

func contractKeys() []Definition {
	return []Definition{
		{
			Key: "contract.base_path", Title: "Path of the service", Type: Text, Default: contract.DefaultPath, Check: checkOf(checkBasePath), Pattern: basePathPattern,
			Doc:   "Path of the Token Management Service below the tenant's host." + undocumented,
			Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *string { return &s.Contract.BasePath }),
		},
		{
			Key: "contract.request", Title: "Form of a redemption's body", Type: Word, Default: contract.Auto, Words: contract.RequestForms(),
			Doc: "Form of a redemption's body: wrapped in a member authToken, bare, or auto. " +
				"auto begins with wrapped. After a 400 that can only be about the body, it tries the other form once for each registration token. Such a 400 costs no count. " +
				"A form is proven when the reply shows the names of the device, or when somebody finds them in the service's list. Until then Regent redeems one instance, and the others wait." + undocumented,
			Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *string { return &s.Contract.Request }),
		},
		{
			Key: "contract.request_confirmed", Title: "Form of a redemption's body is confirmed", Type: Bool, Default: false,
			Doc: "true says that the service's list shows the names of a device that redeemed with contract.request: wrapped or bare. " +
				"Devices then do not wait for a confirmation of their first redemption. It has no effect with auto.",
			Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *bool { return &s.Contract.RequestConfirmed }),
		},
		{
			Key: "contract.reply", Title: "Form of the service's reply", Type: Word, Default: contract.AnyForm, Words: contract.ReplyForms(),
			Doc:   "Where an auth token stands in the service's reply: wrapped in a member authToken, bare, or in any of the two." + undocumented,
			Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *string { return &s.Contract.Reply }),
		},
		{
			Key: "contract.access_token_name", Title: "Name of the access token", Type: Word, Default: contract.AnyForm, Words: append([]string{contract.AnyForm}, contract.AccessNames()...),
			Doc:   "What the access token is called in the service's reply; of any, the first that is there." + undocumented,
			Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *string { return &s.Contract.AccessTokenName }),
		},
		{
			Key: "contract.registration_header", Title: "How a registration token is shown", Type: Word, Default: contract.Basic, Words: contract.Headers(),
			Doc: "How the Authorization header shows a registration token: as it is after Basic, as base64 after Basic, or as it is after Bearer. " +
				"Only one is ever tried, since a second redemption may cost a second count." + undocumented,
			Since: firstVersion, Artefacts: allArtefacts, Reloadable: true,
			field: bind(func(s *Settings) *string { return &s.Contract.RegistrationHeader }),
		},
	}
}

// checkBasePath accepts the plain path of a URL.
func checkBasePath(s string) (string, error) {
	const write = "; write one such as /token/api/v5"
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._/-", r)
	}
	switch {
	case !strings.HasPrefix(s, "/"), strings.HasSuffix(s, "/"), strings.HasSuffix(s, "."):
		return "", errors.New("does not begin with / or ends in / or a dot" + write)
	case strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }), strings.Contains(s, "//"), strings.Contains(s, ".."):
		return "", errors.New("has more than letters, digits and . _ - between single slashes" + write)
	}
	return s, nil
}
