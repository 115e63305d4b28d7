package main

// missingDirectoryAdvice is the next step if the directory of metrics_textfile is missing.
const missingDirectoryAdvice = "install windows_exporter, or correct metrics_textfile; then run: regentd service stop, then regentd service start"

// otherFileAdvice is the next step if the file cannot be written for another reason.
const otherFileAdvice = "name another file in metrics_textfile, then run: regentd service stop, then regentd service start"

// missingTargetAdvice is the next step if the directory of the link's target is missing.
const missingTargetAdvice = "install Regent again"

// textfileRightsAdvice is the next step if regentd may not write in the directory.
const textfileRightsAdvice = "give the service's account the right to write in that directory, or name another file"

func isReadOnly(error) bool { return false }
