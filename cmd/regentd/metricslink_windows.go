package main

// textfileRightsAdvice is the next step if regentd may not write in the directory.
const textfileRightsAdvice = "give the service's account the right to write in that directory, or name another file"

func isReadOnly(error) bool { return false }
