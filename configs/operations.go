package main

import "regent/ipc/api"

// operation is one call of the local interface.
type operation struct {
	method, path string
	id, tag      string
	summary      string
	description  string   // who may call it, and what it does
	query        []string // its parameters; "!" after a name makes it required
	asks         any      // nil is without a body
	answers      any      // nil is without a body
	media        string   // of the answer, if it is not JSON
	fails        []int    // HTTP statuses besides those of each call
}

// The methods, as OpenAPI spells them.
const get, post, del = "get", "post", "delete"

// The tags. Generators make a module or a class of each.
const (
	forApplications = "applications"
	forEveryone     = "status"
	forInstances    = "instances"
	forDevice       = "device"
	forStore        = "store"
)

// tags are the tags with their meanings, in the order of the document.
var tags = [][2]string{
	{forApplications, "For an application: get a token, release the instance, report a refused token, watch the instances."},
	{forEveryone, "For every local user: the state, without secrets."},
	{forInstances, "For administrators: redemptions, and who may use an instance."},
	{forDevice, "For administrators: registration, configuration, metrics."},
	{forStore, "For administrators: the sealed state of this device."},
}

const administrators = "For administrators. "

// operations are the calls of the interface. A test compares them with the server.
var operations = []operation{
	{
		method: post, path: api.PathToken, id: "getToken", tag: forApplications, asks: api.TokenRequest{}, answers: api.Token{}, fails: []int{404, 409, 410},
		summary: "Lease an instance and get its access token",
		description: "For callers that an allow rule of the application admits. The instance is leased to the calling process until that process ends. " +
			"Ask again shortly before the token expires. The daemon refreshes in time by itself.",
	},
	{
		method: del, path: api.PathLease, id: "releaseInstance", tag: forApplications, fails: []int{404},
		summary: "Release an instance early", description: "For the process that leases the instance.",
	},
	{
		method: post, path: api.PathInvalidate, id: "invalidateToken", tag: forApplications, asks: api.InvalidateRequest{}, fails: []int{404, 409, 410},
		summary: "Report that Cloud LM refused the token",
		description: "For the process that leases the instance. It waits for another token, at most 30 s. Then call getToken. " +
			"It refreshes an instance at most once a minute.",
	},
	{
		method: get, path: api.PathWatch, id: "watchInstances", tag: forApplications, query: []string{"application!"}, answers: "", media: api.EventType, fails: []int{404},
		summary: "Watch the instances of an application",
		description: "For callers that an allow rule of the application admits. The answer is server-sent events and has no end. " +
			"The name of each event is `" + api.EventName + "`, and its data is an Event in JSON. The first events are the current states.",
	},
	{
		method: get, path: api.PathStatus, id: "getStatus", tag: forEveryone, answers: api.Status{},
		summary:     "Get the state of the agent, its tenants, applications and instances",
		description: "For every local user. Only administrators and the holder see the holder, the last fault, the next refresh and the auth token IDs of an instance.",
	},
	{
		method: get, path: api.PathDiagnosis, id: "getDiagnosis", tag: forEveryone, answers: api.Diagnosis{},
		summary:     "Get diagnostic data for regent doctor",
		description: "For every local user. It checks the connection to each service. It costs no count and may take 20 s. regent doctor interprets the data.",
	},
	{
		method: get, path: api.PathExplain, id: "explainAccess", tag: forInstances, query: []string{"pid!", "application!"}, answers: api.Explanation{}, fails: []int{404},
		summary: "Get the rule that decides about a process", description: administrators + "It leases nothing.",
	},
	{
		method: post, path: api.PathRedeem, id: "redeemInstance", tag: forInstances, fails: []int{404},
		summary:     "Redeem an instance again, for one count",
		description: administrators + "Without a registration token the daemon stores the request, and redeems with the next one.",
	},
	{
		method: del, path: api.PathInstance, id: "forgetInstance", tag: forInstances, fails: []int{404, 409},
		summary:     "Delete the auth token of an instance from this device",
		description: administrators + "The service is not notified. Only a person can redeem the instance again.",
	},
	{
		method: get, path: api.PathLedger, id: "getLedger", tag: forInstances, query: []string{"verify"}, answers: api.Ledger{},
		summary: "Get every redemption, oldest first", description: administrators + "With `verify` the daemon first checks that nobody changed the file.",
	},
	{
		method: post, path: api.PathResolve, id: "resolveRedemption", tag: forInstances, asks: api.Resolution{},
		summary: "Record whether the service lists an uncertain redemption", description: administrators + "An uncertain redemption may have used a count. A person decides.",
	},
	{
		method: post, path: api.PathRegistration, id: "register", tag: forDevice, asks: api.RegistrationRequest{}, answers: api.Registration{}, fails: []int{404},
		summary:     "Give the daemon a registration token",
		description: administrators + "The answer has the state of the redemptions after `wait` seconds.",
	},
	{
		method: del, path: api.PathRegistration, id: "unregister", tag: forDevice, answers: api.Store{},
		summary:     "Delete every token and the data key from this device",
		description: administrators + "`wiped` lists the auth tokens that the Contact Administrator can delete at the service.",
	},
	{
		method: post, path: api.PathReload, id: "reloadConfiguration", tag: forDevice, fails: []int{400},
		summary: "Read the configuration again", description: administrators + "An invalid configuration is `invalid_request` and changes nothing.",
	},
	{
		method: get, path: api.PathPolicy, id: "getPolicy", tag: forDevice, answers: api.Policy{},
		summary: "Get the active configuration and its sources", description: administrators + "No value is a secret.",
	},
	{
		method: get, path: api.PathContract, id: "getContract", tag: forDevice, answers: api.Contract{},
		summary: "Ask each tenant for the undocumented parts of its interface", description: administrators + "It sends only made-up secrets, so it uses no count. It may take 1 min.",
	},
	{
		method: get, path: api.PathMetrics, id: "getMetrics", tag: forDevice, answers: "", media: api.MetricsType,
		summary: "Get the state in Prometheus' text format", description: administrators + "There is no TCP port for it.",
	},
	{
		method: get, path: api.PathStore, id: "getStore", tag: forStore, answers: api.Store{},
		summary: "Get the state of the store", description: administrators + "It also has the unreadable records and the result of the last operation.",
	},
	{
		method: post, path: api.PathStoreVerb, id: "runStoreOperation", tag: forStore, asks: api.StoreRequest{}, answers: api.Store{},
		summary:     "Get the effect of a store operation, or run it",
		description: administrators + "With `really` the daemon runs it. The agent then restarts, except after `verify` and `drill`.",
	},
}

// parameter is a parameter of a path or a query.
type parameter struct {
	description string
	schema      object
	example     any
}

// parameters are all parameters, by name.
func parameters(s *schemaSet) map[string]parameter {
	return map[string]parameter{
		"application": {"The ID of an application in the configuration.", object{"type": "string"}, "cad"},
		"instance":    {"The number of an instance of the application.", object{"type": "string", "pattern": "^[1-9][0-9]*$"}, "1"},
		"pid":         {"The number of a process on this device.", object{"type": "integer", "minimum": 1}, 4242},
		"verify":      {"`true` checks the file of the ledger first.", object{"type": "boolean"}, true},
		"verb":        {"The operation.", s.enum("admin.Verb"), "verify"},
	}
}
