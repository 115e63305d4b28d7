package tokenstore

import (
	"time"

	"regent/agent/instance"
	"regent/agent/tms"
	"regent/agent/token"
)

// Record is one auth token and all that must outlast the process.
type Record struct {
	ID           instance.ID
	BaseURL      string // the tenant's base URL when it was redeemed
	Intent       string // the ledger's intent that bought it
	Registration string // fingerprint of the registration token that paid
	AuthTokenID  string // the service's name of it
	Identifier   string // what its administrator sees
	Provider     tms.Provider

	State instance.State
	Since time.Time // when State began

	Access          token.Secret
	AccessLife      token.Lifetime
	Generation      uint64  // which refresh made it; grows by one
	Jitter          float64 // jitter in [0,1), drawn once when the access token arrived
	Refresh         token.Secret
	RefreshLife     token.Lifetime // TTL 0: unknown or without end
	RefreshIssuedAt time.Time      // when Refresh was issued, by the service's own clock; zero if unknown
	PreviousRefresh token.Secret   // the refresh token before; kept until Refresh has worked once

	Attempt  Attempt
	Refusals Refusals

	RequestEchoed bool     // the redemption's reply showed what it was told
	ReplyForm     tms.Form // of the service's last reply with an auth token; zero if not known

	PolicyRedeemedAt time.Time // when policy last redeemed by itself after refresh_expired

	RedeemedAt   time.Time     // when it was redeemed, by the service's own clock; zero if unknown
	SessionLimit time.Duration // after which the service ends its sessions, as was seen; 0 if no end was seen
}

// Attempt is what is known of refreshes that began and have not succeeded. It
// is durable before the request is sent.
type Attempt struct {
	Open          bool      `json:"open,omitempty"`       // one is under way, or was when the process died
	Unanswered    int       `json:"unanswered,omitempty"` // earlier ones whose answer never came
	PreviousTried bool      `json:"older_tried,omitempty"`
	At            time.Time `json:"at,omitzero"` // when the last one began
}

// AnswerMissing reports whether the service may have rotated the refresh token
// without our having heard the answer.
func (a Attempt) AnswerMissing() bool { return a.Open || a.Unanswered > 0 }

// Refusals counts refusals in the service's shape, in a row.
type Refusals struct {
	Count int       `json:"count,omitempty"`
	First time.Time `json:"first,omitzero"`
}

// Servable reports whether the state lets the access token be handed out while
// it is valid: only a revocation withdraws it at once.
func (r Record) Servable() bool { return r.State != instance.Revoked && !r.Access.IsZero() }

// sealed is a Record as it lies in the store. Only this package makes one.
type sealed struct {
	Format       int            `json:"format"`
	ID           instance.ID    `json:"id"`
	Base         string         `json:"base"`
	Intent       string         `json:"intent"`
	Registration string         `json:"registration"`
	AuthTokenID  string         `json:"auth_token_id"`
	Identifier   string         `json:"identifier"`
	Provider     tms.Provider   `json:"provider"`
	State        instance.State `json:"state"`
	Since        time.Time      `json:"since"`
	Access       string         `json:"access"`
	Life         token.Lifetime `json:"life"`
	Generation   uint64         `json:"generation"`
	Draw         float64        `json:"draw"`
	Refresh      string         `json:"refresh"`
	RefreshLife  token.Lifetime `json:"refresh_life"`
	Served       time.Time      `json:"served,omitzero"`
	Older        string         `json:"older,omitempty"`
	Attempt      Attempt        `json:"attempt,omitzero"`
	Refusals     Refusals       `json:"refusals,omitzero"`
	Again        time.Time      `json:"again,omitzero"`
	Shown        bool           `json:"shown,omitempty"`
	Form         tms.Form       `json:"form,omitzero"`
	Began        time.Time      `json:"began,omitzero"`
	Session      time.Duration  `json:"session,omitempty"`
}

// format is the version of sealed. A newer daemon reads the one before.
const format = 1

func seal(r Record) sealed {
	return sealed{
		Format: format, ID: r.ID, Base: r.BaseURL, Intent: r.Intent, Registration: r.Registration,
		AuthTokenID: r.AuthTokenID, Identifier: r.Identifier, Provider: r.Provider, State: r.State, Since: r.Since,
		Access: r.Access.Reveal(), Life: r.AccessLife, Generation: r.Generation, Draw: r.Jitter,
		Refresh: r.Refresh.Reveal(), RefreshLife: r.RefreshLife, Served: r.RefreshIssuedAt, Older: r.PreviousRefresh.Reveal(),
		Attempt: r.Attempt, Refusals: r.Refusals, Again: r.PolicyRedeemedAt, Shown: r.RequestEchoed, Form: r.ReplyForm,
		Began: r.RedeemedAt, Session: r.SessionLimit,
	}
}

func (s sealed) open() (Record, error) {
	if s.Format != format {
		return Record{}, formatError(s.Format, format)
	}
	return Record{
		ID: s.ID, BaseURL: s.Base, Intent: s.Intent, Registration: s.Registration,
		AuthTokenID: s.AuthTokenID, Identifier: s.Identifier, Provider: s.Provider, State: s.State, Since: s.Since,
		Access: token.NewSecret(s.Access), AccessLife: s.Life, Generation: s.Generation, Jitter: s.Draw,
		Refresh: token.NewSecret(s.Refresh), RefreshLife: s.RefreshLife, RefreshIssuedAt: s.Served, PreviousRefresh: token.NewSecret(s.Older),
		Attempt: s.Attempt, Refusals: s.Refusals, PolicyRedeemedAt: s.Again, RequestEchoed: s.Shown, ReplyForm: s.Form,
		RedeemedAt: s.Began, SessionLimit: s.Session,
	}, nil
}
