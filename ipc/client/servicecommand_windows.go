package client

// serviceCommand returns what a person types to have the service manager do something.
func serviceCommand(verb string) string { return "regentd service " + verb }
