package admin

import (
	"cmp"
	"context"
	"net/url"
	"time"

	"regent/agent/tms"
)

// AuthToken is all that an administrator ever sees of one: what the device said
// of itself when it redeemed.
type AuthToken struct {
	ID           string // the service's name of it; "" in a list that does not tell it
	Identifier   string // the device's, fresh for each redemption
	FQDN         string
	UserName     string
	MAC          string
	Registration string    // the identifier of the registration token
	RefID1       string    // application and instance
	RefID2       string    // the installation
	Created      time.Time // zero if not known; see [HasZone]
}

// AuthTokens returns all that the filter selects. With an *[IncompleteError] it returns
// those that the service shows.
func (s *Session) AuthTokens(ctx context.Context, f AuthFilter) ([]AuthToken, error) {
	rows, err := listing[authRow]{"list auth tokens", pathAuth, listOf("authTokens", wrapAuth), authRowOf}.all(ctx, s, url.Values{
		"identifier": {f.Identifier}, "registrationToken": {f.Registration},
		"refId1": {f.RefID1}, "refId2": {f.RefID2}, "fqdn": {f.FQDN},
	})
	if err != nil && !isIncomplete(err) {
		return nil, err
	}
	list, filterErr := s.filtered(ctx, f, rows)
	return list, cmp.Or(err, filterErr)
}

// DeleteAuthToken withdraws the one of that id: its holder can refresh it no
// more. The count that it used does not come back.
func (s *Session) DeleteAuthToken(ctx context.Context, id string) error {
	return s.remove(ctx, "auth token", pathAuth, id)
}

func authTokenIn(o tms.Object) AuthToken {
	return AuthToken{
		ID:           o.ID("id"),
		Identifier:   o.Text("identifier"),
		FQDN:         o.Text("fqdn"),
		UserName:     o.Text("systemUserName"),
		MAC:          o.Text("macAddress"),
		Registration: o.Ref(referenceBy(), "registrationToken"),
		RefID1:       o.Text("refId1"),
		RefID2:       o.Text("refId2"),
		Created:      tms.ParseTime(o.Text("creationDate")),
	}
}
