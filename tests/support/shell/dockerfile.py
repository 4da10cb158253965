"""Follow the steps of a Dockerfile on this machine, where there is no Docker."""

import json
import shlex
import shutil
import subprocess

from support.checkout import ROOT


class Dockerfile:
    """The steps of a file, as pairs (instruction, its text)."""

    def __init__(self, path):
        lines = path.read_text(encoding='utf-8').splitlines()
        kept = '\n'.join(line for line in lines if not line.startswith('#'))
        joined = kept.replace('\\\n', ' ').splitlines()
        self.steps = [(line.split(maxsplit=1)) for line in joined if line.strip()]

    def all(self, instruction):
        """List the texts of all steps of one kind."""
        return [text for name, text in self.steps if name == instruction]

    def one(self, instruction):
        """Return the text of the only step of its kind."""
        (text,) = self.all(instruction)
        return text

    def copied(self):
        """List pairs (sources, target) of the COPY steps."""
        return [(sources, target) for *sources, target in map(str.split, self.all('COPY'))]

    def health_check(self):
        """Return the words of the health check's command."""
        return json.loads(self.one('HEALTHCHECK').partition('CMD')[2])


class Image:
    """A folder as the root of the image; `python` takes the place of the image's own."""

    def __init__(self, dockerfile, folder, python):
        self.dockerfile, self.root, self.python = dockerfile, folder, str(python)
        self.workdir = self._inside(dockerfile.one('WORKDIR'))

    def _inside(self, path):
        return self.root / path.lstrip('/')

    def build(self, with_packages):
        """Follow the steps; `with_packages` also runs those that install packages."""
        self.workdir.mkdir(parents=True)
        for name, text in self.dockerfile.steps:
            if name == 'COPY':
                *sources, target = text.split()
                for source in sources:
                    self._copy(source, target)
            elif name == 'RUN' and (with_packages or ' pip ' not in text):
                subprocess.run(self._words(shlex.split(text)), cwd=self.workdir, check=True)

    def _copy(self, source, target):
        if (ROOT / source).is_dir():
            ignored = shutil.ignore_patterns('__pycache__')
            shutil.copytree(ROOT / source, self.workdir / target, ignore=ignored)
        else:
            shutil.copy(ROOT / source, self.workdir / target)

    def _words(self, words):
        """Return a command for this machine: the interpreter, and paths below the image's root."""
        assert words[0] == 'python'
        inside = [word.replace('=/', f'={self.root}/') for word in words[1:]]
        return [self.python, *inside]

    def command(self, *arguments):
        """Return the command of a container with these arguments, or the image's own."""
        given = arguments or json.loads(self.dockerfile.one('CMD'))
        return self._words([*json.loads(self.dockerfile.one('ENTRYPOINT')), *given])

    def check_health(self, port):
        """Return the exit status of the health check, for a server on another port."""
        exposed = f':{self.dockerfile.one("EXPOSE")}/'
        words = [word.replace(exposed, f':{port}/') for word in self.dockerfile.health_check()]
        return subprocess.run(self._words(words), stderr=subprocess.DEVNULL).returncode

    def files(self):
        """Return {path: (size, time of the last change)} of every file in the image."""
        paths = [path for path in self.root.rglob('*') if path.is_file()]
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in paths}
