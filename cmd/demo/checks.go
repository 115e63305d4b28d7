package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"regent/agent/status"
	"regent/agent/token"
)

// The checks of the story. They are pure functions of the observed data.

// registration and attribution are the used parts of tmsctl's JSON.
type registration struct {
	Identifier string `json:"identifier"`
	Count      int    `json:"count"`
	Used       int    `json:"used_count"`
	Status     string `json:"status"`
}

type attribution struct {
	FQDN         string `json:"fqdn"`
	User         string `json:"system_user_name"`
	Registration string `json:"registration_token"` // its identifier
	Instance     string `json:"ref_id_1"`
}

// checkNames checks that names are the two instances of the story.
func checkNames(what string, names ...string) error {
	want := []string{"cad/1", "cad/2"}
	if slices.Sort(names); !slices.Equal(names, want) {
		return fmt.Errorf("%s %v, want %v", what, names, want)
	}
	return nil
}

// checkEach checks the instances in st, which must be the two of the story.
func checkEach(st status.Status, check func(status.Instance) error) error {
	var names []string
	var errs []error
	for _, i := range st.Instances() {
		names, errs = append(names, i.Name), append(errs, check(i))
	}
	return cmp.Or(checkNames("status has the instances", names...), errors.Join(errs...))
}

// checkState checks that both instances are in a state.
func checkState(st status.Status, want token.State) error {
	return checkEach(st, func(i status.Instance) error {
		because := ""
		if f := i.LastFault; f != nil {
			because = fmt.Sprintf(" (%s: %s)", f.Code, f.Detail)
		}
		if i.State != string(want) {
			return fmt.Errorf("instance %s is %s, want %s%s", i.Name, i.State, want, because)
		}
		return nil
	})
}

// checkWaiting checks that the agent waits for a registration token and stores its data key
// in a file.
func checkWaiting(st status.Status) error {
	if st.Health != status.Waiting {
		return fmt.Errorf("status is %s, want %s: %s", st.Health, status.Waiting, st.Summary)
	}
	if st.Store.Guard != "file" {
		return fmt.Errorf("status says that %q guards the data key, want file", st.Store.Guard)
	}
	return checkState(st, token.Unredeemed)
}

// checkRegistered checks that both instances have their own auth token.
func checkRegistered(st status.Status) error {
	if err := checkState(st, token.Live); err != nil {
		return err
	}
	seen := map[string]bool{"": true}
	return checkEach(st, func(i status.Instance) error {
		if seen[i.AuthTokenID] {
			return fmt.Errorf("instance %s has the auth token with the id %q, want two ids", i.Name, i.AuthTokenID)
		}
		seen[i.AuthTokenID] = true
		return nil
	})
}

// checkFree checks that no instance is leased.
func checkFree(st status.Status) error {
	return checkEach(st, func(i status.Instance) error {
		if i.Leased {
			return fmt.Errorf("instance %s is still leased", i.Name)
		}
		return nil
	})
}

// checkRefreshed checks that both instances were refreshed between two observations.
func checkRefreshed(before, after status.Status) error {
	old := map[string]uint64{}
	for _, i := range before.Instances() {
		old[i.Name] = i.Generation
	}
	return checkEach(after, func(i status.Instance) error {
		if i.Generation <= old[i.Name] {
			return fmt.Errorf("instance %s is still at generation %d", i.Name, i.Generation)
		}
		return nil
	})
}

// checkDistinct checks that two applications have two instances and two tokens.
func checkDistinct(a, b answer) error {
	if err := checkNames("the applications have the instances", a.Instance, b.Instance); err != nil {
		return err
	}
	if a.Fingerprint == "" || a.Fingerprint == b.Fingerprint {
		return fmt.Errorf("the access tokens have the fingerprints %q and %q, want two", a.Fingerprint, b.Fingerprint)
	}
	return nil
}

// checkRefused checks that an application got no token because none was free.
func checkRefused(a answer) error {
	if !strings.Contains(a.Problem, "no_free_instance") {
		return fmt.Errorf("the third application has %s, want no_free_instance", a)
	}
	return nil
}

// checkRenewed checks that an application has a new token of the same instance.
func checkRenewed(before, after answer) error {
	if after.Instance != before.Instance {
		return fmt.Errorf("the application had instance %s and now has %s", before.Instance, after.Instance)
	}
	if after.Fingerprint == before.Fingerprint || after.Generation <= before.Generation {
		return fmt.Errorf("the application still has the access token %s, generation %d", after.Fingerprint, after.Generation)
	}
	return nil
}

// checkUnchanged checks that the tokens are the same as before, in any order of the
// applications.
func checkUnchanged(before, after [2]answer) error {
	tokens := func(of [2]answer) []string {
		return slices.Sorted(slices.Values([]string{of[0].Instance + " " + of[0].Fingerprint, of[1].Instance + " " + of[1].Fingerprint}))
	}
	if was, is := tokens(before), tokens(after); !slices.Equal(was, is) {
		return fmt.Errorf("the access tokens are %v, want those of before, %v", is, was)
	}
	return nil
}

// checkCounts checks that there is one registration token with used of 3 counts used.
func checkCounts(list []registration, used int) error {
	if len(list) != 1 {
		return fmt.Errorf("there are %d registration tokens, want 1", len(list))
	}
	if r := list[0]; r.Count != 3 || r.Used != used || r.Status != "usable" {
		return fmt.Errorf("the registration token is %s with %d of %d counts used, want usable with %d of 3", r.Status, r.Used, r.Count, used)
	}
	return nil
}

// checkAttribution checks that the administrator sees the holders of the auth tokens.
func checkAttribution(list []attribution, registration string) error {
	var names []string
	for _, a := range list {
		if a.FQDN == "" || a.User == "" {
			return errors.New("an auth token is shown without its host or its user")
		}
		if a.Registration != registration {
			return fmt.Errorf("an auth token is shown as one of registration token %q, want %q", a.Registration, registration)
		}
		names = append(names, a.Instance)
	}
	return checkNames("the auth tokens are shown as those of", names...)
}
