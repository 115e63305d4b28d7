"""typist.py COMMAND [PROMPT ANSWER]... runs a command at a terminal of 80 columns, and types
an answer at each prompt. It prints what the terminal shows, and ends as the command does."""

import fcntl, os, pty, select, struct, sys, termios, time

command, answers = sys.argv[1], sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execvp("bash", ["bash", "-c", command])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
shown, seen = "", 0
while True:
    if not select.select([terminal], [], [], 300)[0]:
        print("nothing new for 300 s")
        break
    try:
        part = os.read(terminal, 65536)
    except OSError:  # Linux's end of a terminal
        part = b""
    if not part:
        break
    shown += part.decode(errors="replace")
    while answers and answers[0] in shown[seen:]:
        seen = shown.index(answers[0], seen) + len(answers[0])
        time.sleep(0.2)  # a prompt switches the echo off after its text
        os.write(terminal, (answers[1] + "\n").encode())
        answers = answers[2:]
print(shown.replace("\r", ""))
if answers:
    sys.exit("never asked: " + answers[0])
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
