package client

// manager returns what a person types to have the service manager do something.
func manager(verb string) string { return "regentd service " + verb }
