package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"regent/agent/tms"
)

// explain is an error in one or two lines: what is wrong, and what to do next.
func explain(err error) []string {
	if errors.Is(err, context.Canceled) {
		return []string{"interrupted: " + err.Error()}
	}
	f, ok := errors.AsType[*tms.Failure](err)
	if !ok {
		return []string{err.Error()}
	}
	what := err.Error()
	if f.Message != "" {
		what += ": " + f.Message
	}
	if next := nextStep(f); next != "" {
		return []string{what, next}
	}
	return []string{what}
}

// nextStep is what a person does about a failure.
func nextStep(f *tms.Failure) string {
	switch f.Reach {
	case tms.NotSent:
		if _, ok := errors.AsType[*tls.CertificateVerificationError](f); ok {
			return "is it the right --tenant? If its certificate comes from an authority of your own, give that one with --ca-file FILE"
		}
		return "check --tenant, the network, and --proxy"
	case tms.Lost:
		return lostStep(f)
	}
	return refusedStep(f)
}

func lostStep(f *tms.Failure) string {
	if strings.HasPrefix(f.Op, "create") {
		return "it may have been made all the same: look with tmsctl registration-token list before you try again"
	}
	if strings.HasPrefix(f.Op, "delete") {
		return "it may be deleted all the same: look with list before you try again"
	}
	return "is it the right --tenant, and no proxy or login page in between? Else try again"
}

func refusedStep(f *tms.Failure) string {
	switch {
	case f.HasRetryAfter:
		return fmt.Sprintf("try again in %s", f.RetryAfter)
	case f.Status/100 == 3 || !f.ServiceShape && f.Status < 500:
		return "this does not look like the service's answer: check --tenant, and whether a proxy or login page is in between"
	case f.Op == "log in" && f.Status < 500:
		return "check the user and the password, or the client's id and secret"
	case f.Status == http.StatusUnauthorized:
		return "the login was not accepted, or has ended meanwhile: try again"
	case f.Status == http.StatusForbidden:
		return "this needs the rights of a Contact Administrator"
	case f.Status == http.StatusNotFound:
		return "see list for the ids that there are"
	case f.Status >= 500:
		return "the service is in trouble: try again later"
	}
	return ""
}
