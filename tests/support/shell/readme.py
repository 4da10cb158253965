"""Read the fenced blocks of a Markdown file, and copy the checkout."""

import dataclasses
import re
import shutil
import subprocess

from support.checkout import ROOT

# These marks have a line of their own, because zsh accepts no comment after a command.
NEEDS_NETWORK = '# needs the network'
UNTIL_CTRL_C = '# until Ctrl-C'
_FENCE = re.compile(r'^```(\w*)\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block: its language and its text."""

    language: str
    text: str
    line: int

    @property
    def needs_network(self):
        """Return whether the first line says that the block needs the network."""
        return self.text.startswith(NEEDS_NETWORK)

    @property
    def runs_until_interrupted(self):
        """Return whether the first line says that its command runs until Ctrl-C."""
        return self.text.startswith(UNTIL_CTRL_C)

    def commands(self):
        """List the commands; a command may span several lines."""
        lines = [line for line in self.text.splitlines() if not line.startswith('#')]
        return [each for each in re.split(r'(?<!\\)\n', '\n'.join(lines)) if each.strip()]


def blocks(path, *languages):
    """List the fenced blocks of a Markdown file in these languages."""
    text = path.read_text(encoding='utf-8')
    found = [
        Block(match[1], match[2], text.count('\n', 0, match.start()) + 1)
        for match in _FENCE.finditer(text)
    ]
    return [block for block in found if not languages or block.language in languages]


def copy_checkout(target):
    """Copy the files that git tracks to a new directory, as in a clone."""
    listed = subprocess.run(['git', 'ls-files', '-z'], cwd=ROOT, check=True, capture_output=True)
    for name in listed.stdout.decode().split('\0'):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target
