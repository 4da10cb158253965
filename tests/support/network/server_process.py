"""A server in a process of its own, as people start it."""

import contextlib
import http.client
import json
import signal
import subprocess
import sys
import urllib.request

from support.checkout import ROOT

_COMMAND = (sys.executable, '-u', str(ROOT / 'server.py'))


class ServerProcess:
    """A server that has said that it listens, on a free port; its log is in `folder`."""

    def __init__(self, folder, *flags, command=_COMMAND, directory=None):
        self.log = folder / 'server.log'
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen(
                [*command, '--port=0', *flags],
                cwd=directory or folder,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self.process.stdout.readline()
        assert line.startswith('listening on port '), line + self.logged()
        self.port = int(line.split()[-1])

    def logged(self):
        """Return the log so far."""
        return self.log.read_text()

    def post(self, path, body, content_type='application/octet-stream'):
        """Return (status, JSON) of a POST."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=120)
        with contextlib.closing(connection):
            connection.request('POST', path, body, {'Content-Type': content_type})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def get(self, path):
        """Return the JSON of a GET."""
        with urllib.request.urlopen(f'http://127.0.0.1:{self.port}{path}', timeout=120) as answer:
            return json.load(answer)

    def stop(self):
        """Return the exit status after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        self.process.stdout.close()
        return status
