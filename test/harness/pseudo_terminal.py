"""Runs a program in a pseudo terminal, for tests: python3 pseudo_terminal.py ROWS COLUMNS PROGRAM ARG...

Reads commands from standard input, a line of JSON each, and answers each with one: {"write": TEXT} types, {"size":
[ROWS, COLUMNS]} makes the window another size, {"until": TEXT} waits for it on the screen, {"mode": true} tells how the
terminal is set, {"end": true} waits for the program's end, {"signal": N} sends it one. What was on the screen since
the last answer, as Latin-1, is in each.
"""

import base64
import fcntl
import json
import os
import select
import signal
import struct
import sys
import termios
import time

TIMEOUT = 20.0


def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def mode(fd):
    iflag, oflag, cflag, lflag, _, _, chars = termios.tcgetattr(fd)
    return {
        "flags": [iflag, oflag, cflag, lflag],
        "chars": base64.b64encode(b"".join(c if isinstance(c, bytes) else bytes([c]) for c in chars)).decode(),
        "echo": bool(lflag & termios.ECHO),
        "canonical": bool(lflag & termios.ICANON),
        "signals": bool(lflag & termios.ISIG),
        "post": bool(oflag & termios.OPOST),
    }


def main():
    rows, columns = int(sys.argv[1]), int(sys.argv[2])
    # The slave stays open here, so that its mode can be read after the program's end.
    master, slave = os.openpty()
    set_size(slave, rows, columns)
    before = mode(slave)
    child = os.fork()
    if child == 0:
        os.close(master)
        os.login_tty(slave) if hasattr(os, "login_tty") else login(slave)
        os.execvp(sys.argv[3], sys.argv[3:])
    screen = ""

    def drain(timeout):
        nonlocal screen
        ready, _, _ = select.select([master], [], [], timeout)
        if ready:
            screen += os.read(master, 65536).decode("latin-1")

    for line in sys.stdin:
        command = json.loads(line)
        answer = {}
        end = time.monotonic() + TIMEOUT
        if "write" in command:
            os.write(master, command["write"].encode("latin-1"))
        elif "size" in command:
            set_size(slave, *command["size"])
        elif "signal" in command:
            os.kill(child, command["signal"])
        elif "until" in command:
            while command["until"] not in screen and time.monotonic() < end:
                drain(0.05)
            answer["found"] = command["until"] in screen
        elif "mode" in command:
            answer["mode"] = mode(slave)
            answer["restored"] = mode(slave) == before
        elif "end" in command:
            status = None
            while status is None and time.monotonic() < end:
                drain(0.02)
                pid, raw = os.waitpid(child, os.WNOHANG)
                if pid == child:
                    status = os.waitstatus_to_exitcode(raw)
            drain(0)
            answer["status"] = status
        # What comes after a text that was waited for is for the next answer.
        shown = screen.find(command["until"]) + len(command["until"]) if answer.get("found") else len(screen)
        answer["screen"] = screen[:shown]
        screen = screen[shown:]
        print(json.dumps(answer), flush=True)
    try:
        os.kill(child, signal.SIGKILL)
    except ProcessLookupError:
        pass


def login(slave):
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in range(3):
        os.dup2(slave, fd)
    if slave > 2:
        os.close(slave)


main()
