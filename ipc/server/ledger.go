package server

import (
	"net/http"

	"regent/agent"
	"regent/agent/redeem"
	"regent/ipc/api"
)

// maxRedemption bounds the id of a redemption, in bytes.
const maxRedemption = 200

func (s *Server) resolve(w http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	var q api.Resolution
	if err := s.readBody(w, r, &q); err != nil {
		return nil, err
	}
	switch {
	case q.ID == "" || len(q.ID) > maxRedemption:
		return nil, invalidField("id", "want a redemption's id as the ledger has it")
	case q.Consumed == nil: // it decides about a count: nothing is taken for granted
		return nil, invalidField("consumed", "it is missing; say true or false")
	}
	return nil, s.Registrar.Resolve(r.Context(), by, q.ID, *q.Consumed)
}

func (s *Server) ledger(_ http.ResponseWriter, r *http.Request, by agent.Caller) (any, error) {
	verify := r.URL.Query().Get("verify") == "true"
	if verify {
		if err := s.Observer.VerifyLedger(r.Context(), by); err != nil {
			return nil, err
		}
	}
	entries, err := s.Observer.Ledger(r.Context(), by)
	if err != nil {
		return nil, err
	}
	reply := &api.Ledger{Entries: make([]api.LedgerEntry, 0, len(entries)), Verified: verify}
	for _, e := range entries {
		reply.Entries = append(reply.Entries, ledgerEntry(e))
	}
	return reply, nil
}

// ledgerEntry is where the ledger's own format and the wire's may part.
func ledgerEntry(e redeem.Entry) api.LedgerEntry {
	return api.LedgerEntry{
		Seq: e.Seq, At: e.At, Kind: string(e.Kind), ID: e.ID, Tenant: e.Tenant, Instance: e.Instance,
		Identifier: e.Identifier, FQDN: e.FQDN, UserName: e.UserName, MAC: e.MAC,
		RefID1: e.RefID1, RefID2: e.RefID2, Registration: e.Registration, Form: e.Form, Unconfirmed: e.Unconfirmed,
		AuthTokenID: e.AuthTokenID, Code: string(e.Code), Status: e.Status, Words: e.Words, Retryable: e.Retryable, Replaces: e.Replaces,
		Consumed: e.Consumed, By: e.By,
	}
}
