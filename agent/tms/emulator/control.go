package emulator

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
)

// ControlPath is where a program mounts [Emulator.Control].
const ControlPath = "/_emulator/"

// State has the emulator's requests and objects, without secrets.
type State struct {
	Requests map[Class]int `json:"requests"` // that arrived, those that were failed included
	Failed   int           `json:"failed"`   // by a fault with a status
	Dropped  int           `json:"dropped"`  // by a fault without

	Redeemed  int `json:"redeemed"`  // auth tokens ever created, which is counts ever used
	Refreshed int `json:"refreshed"` // refreshes of auth tokens that succeeded

	RegistrationTokens []RegistrationTokenState `json:"registration_tokens"` // in the order of their creation
	AuthTokens         []AuthTokenState         `json:"auth_tokens"`         // likewise
	Faults             []Fault                  `json:"faults"`              // pending
}

// RegistrationTokenState is a registration token that exists.
type RegistrationTokenState struct {
	ID             string `json:"id"`
	Identifier     string `json:"identifier"`
	Count          int    `json:"count"`
	Used           int    `json:"used"`
	ExpirationDate string `json:"expiration_date"`
	Status         string `json:"status"`
}

// AuthTokenState is an auth token that exists.
type AuthTokenState struct {
	ID                string `json:"id"`
	Identifier        string `json:"identifier"`
	RegistrationToken string `json:"registration_token"` // its identifier
	RefID1            string `json:"ref_id1"`
	RefID2            string `json:"ref_id2"`
	Refreshes         int    `json:"refreshes"`
	Revoked           bool   `json:"revoked"` // a refresh token was used twice
	Ended             bool   `json:"ended"`   // with its registration token; see Knobs.OneUser
}

// State returns the emulator's requests and objects. The objects are one consistent view.
// Requests count when they arrive, so their number may be ahead of the objects.
func (e *Emulator) State() State {
	s := e.store.state()
	e.mu.Lock()
	defer e.mu.Unlock()
	s.Requests = maps.Clone(e.requests)
	s.Failed, s.Dropped = e.failed, e.dropped
	s.Faults = append([]Fault{}, e.faults...)
	return s
}

func (m *memory) state() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := State{Redeemed: m.Redeemed, Refreshed: m.Refreshed, RegistrationTokens: []RegistrationTokenState{}, AuthTokens: []AuthTokenState{}}
	for _, r := range m.registrationsInOrder() {
		s.RegistrationTokens = append(s.RegistrationTokens,
			RegistrationTokenState{r.ID, r.Identifier, r.Count, r.UsedCount, string(r.ExpirationDate), r.Status})
	}
	for _, a := range m.authTokenList {
		s.AuthTokens = append(s.AuthTokens, AuthTokenState{
			a.ID, a.Identifier, a.RegistrationToken, a.RefID1, a.RefID2, a.Refreshes,
			m.sessions[a.Session].Revoked, m.sessions[a.Session].Ended,
		})
	}
	return s
}

// controlRequest is a request to the control endpoint. Other values stay.
type controlRequest struct {
	knobsJSON
	Faults *[]Fault `json:"faults"` // replaces those that are pending
}

// Control returns the handler for scripts that control the emulator. GET /_emulator/state
// answers with the state. POST /_emulator/knobs changes the knobs that its JSON names,
// and answers with the state. It is not authenticated, and so it answers on the loopback
// only. It is never slow and has no faults.
func (e *Emulator) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+ControlPath+"state", func(w http.ResponseWriter, _ *http.Request) { e.writeState(w) })
	mux.HandleFunc("POST "+ControlPath+"knobs", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err == nil {
			err = e.applyControl(body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		e.writeState(w)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fromLoopback(r) {
			http.Error(w, "the emulator is controlled from its own host only", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func fromLoopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && net.ParseIP(host).IsLoopback()
}

// applyControl applies all that the JSON names, or nothing.
func (e *Emulator) applyControl(body []byte) error {
	e.controlMu.Lock() // read, change, write is one step among those who come this way
	defer e.controlMu.Unlock()
	knobs := e.Knobs()
	t := controlRequest{knobsJSON: knobs.wire()}
	if err := decodeStrict(body, &t); err != nil {
		return fmt.Errorf("read knobs: %w", err)
	}
	knobs, err := knobs.complete()
	if err != nil {
		return fmt.Errorf("set knobs: %w", err)
	}
	if t.Faults != nil {
		if err := e.SetFaults(*t.Faults...); err != nil {
			return err
		}
	}
	return e.SetKnobs(knobs) // which were checked above
}

func (e *Emulator) writeState(w http.ResponseWriter) {
	knobs := e.Knobs()
	answer{status: http.StatusOK, body: struct {
		Knobs knobsJSON `json:"knobs"`
		State
	}{knobs.wire(), e.State()}}.write(w, e.Time())
}
