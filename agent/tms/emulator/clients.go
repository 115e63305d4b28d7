package emulator

import "net/http"

// client is an OAuth client of the tenant. All its members are INVENTED, but for
// the id that it logs in with.
type client struct {
	id, clientID, name string
}

// clients are those that can log in here. They cannot be changed.
func (e *Emulator) clients() []client {
	return []client{
		{"1", publicClient, "Devices and administrators"},
		{"2", e.cred.ClientID, "Administration"},
	}
}

// client is an OAuth client as the dialect writes it, without its secret.
func (d Dialect) client(c client) any {
	w := d.words()
	return map[string]any{"id": c.id, "clientId": c.clientID, "name": c.name, w.state: w.enable}
}

func (e *Emulator) listClients(c *call) answer {
	return list(e, c, "clients", "client", e.clients, c.knobs.Dialect.client, nil)
}

func (e *Emulator) showClient(c *call) answer {
	for _, one := range e.clients() {
		if one.id == c.PathValue("id") {
			return answer{status: http.StatusOK, body: map[string]any{"client": c.knobs.Dialect.client(one)}}
		}
	}
	return refused(errNotFound)
}
