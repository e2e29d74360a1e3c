"""The command as a process that starts at once: forked from one in which everything is imported already.

Most of what a short command costs is importing. What starts, dies or is stopped on purpose is a program of its own
(`World.start`); what only answers may come from here.
"""

import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

AHEAD = Path(__file__).parent / "end_to_end" / "ahead"
PASSED_OVER = ("bytebridge.__main__", "bytebridge.sandbox", "bytebridge.ledger.migrations")
LONGEST = 1 << 20  # bytes of a request


class Forks:
    """One such process, which ends with the connection to it."""

    def __init__(self):
        path = os.pathsep.join(filter(None, (str(AHEAD), os.environ.get("PYTHONPATH"))))
        self.line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": path},
            )

    def run(self, arguments, environment, folder, timeout):
        """`bytebridge` with these arguments: its exit code, negative for a signal, standard output and error."""
        ours, theirs = zip(os.pipe(), os.pipe(), strict=True)
        asked = {"arguments": arguments, "environment": environment, "folder": folder}
        socket.send_fds(self.line, [json.dumps(asked).encode()], theirs)
        for descriptor in theirs:
            os.close(descriptor)
        number = int(self.line.recv(LONGEST))
        late = threading.Timer(timeout, os.kill, (number, signal.SIGKILL))
        late.start()
        with ThreadPoolExecutor(2) as readers:
            out, err = readers.map(_whole, ours)
        code = int(self.line.recv(LONGEST))
        late.cancel()
        if code == -signal.SIGKILL:  # nobody else does that
            raise subprocess.TimeoutExpired(arguments, timeout, out, err)
        return code, out, err


def _whole(descriptor):
    with os.fdopen(descriptor, encoding="utf-8") as stream:
        return stream.read()


def serve(line):
    while True:
        request, (*outputs,), _, _ = socket.recv_fds(line, LONGEST, 2)
        if not request:
            return
        number = os.fork()
        if not number:
            line.close()
            become(json.loads(request), outputs)
            return
        for descriptor in outputs:
            os.close(descriptor)
        line.send(str(number).encode())
        line.send(str(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])).encode())


def become(asked, outputs):
    """The rest of this process is the command's."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, opened in enumerate((nothing, *outputs)):
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    os.chdir(asked["folder"])
    sys.modules["sitecustomize"]._ahead = float(os.environ.get("BYTEBRIDGE_TEST_AHEAD", "0"))
    sys.argv[:] = ["bytebridge", *asked["arguments"]]
    importlib.import_module("bytebridge.cli").main()


def everything():
    """All of the package, which has no module that does anything when it is imported."""
    package = importlib.import_module("bytebridge")
    for module in pkgutil.walk_packages(package.__path__, "bytebridge."):
        if not module.name.startswith(PASSED_OVER):
            importlib.import_module(module.name)


if __name__ == "__main__":
    everything()
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
