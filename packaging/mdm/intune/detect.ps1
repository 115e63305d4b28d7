# Detection rule of the Win32 app: it is installed if this exits 0 and prints.
# regent status exits 0 to 7; only 3 says that nobody answers.
$ErrorActionPreference = 'Stop'
try {
    if ((Get-Service -Name regentd).Status -ne 'Running') { exit 1 }
    & "$env:ProgramFiles\Regent\regent.exe" status | Out-Null
    if ($LASTEXITCODE -eq 3) { exit 1 }
    Write-Output 'regentd runs and answers'
    exit 0
} catch {
    exit 1
}
