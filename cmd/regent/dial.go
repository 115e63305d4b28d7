package main

import (
	"context"
	"iter"

	"regent/agent/status"
	"regent/ipc/api"
	"regent/ipc/client"
)

// agent is the daemon as the commands see it. Its errors are a *fault.Fault, or
// wrap client.ErrNotReachable or the context's error.
type agent interface {
	Status(context.Context) (status.Status, error)
	Diagnose(context.Context) (api.Diagnosis, error)
	Contract(context.Context) (api.Contract, error)
	Token(context.Context, api.TokenRequest) (api.Token, error)
	Register(context.Context, api.RegistrationRequest) (api.Registration, error)
	Redeem(ctx context.Context, application, instance string) error
	Forget(ctx context.Context, application, instance string) error
	Resolve(ctx context.Context, redemption string, consumed bool) error
	VerifiedLedger(ctx context.Context) (api.Ledger, error)
	Ledger(context.Context) (api.Ledger, error)
	Reload(context.Context) error
	Watch(ctx context.Context, application string) iter.Seq2[api.Event, error]
	Explain(ctx context.Context, pid int, application string) (api.Explanation, error)
	Policy(context.Context) (api.Policy, error)
	Store(context.Context) (api.Store, error)
	RunStoreOperation(ctx context.Context, verb string, really bool) (api.Store, error)
	Unregister(context.Context) (api.Store, error)
}

var _ agent = (*client.Client)(nil)

// dial names the daemon at the socket.
func dial(socket string) agent { return client.New(client.Options{Socket: socket}) }
