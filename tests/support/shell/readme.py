"""What stands in the README's fenced blocks, and its place in a copy of the checkout."""

import dataclasses
import re
import shutil
import subprocess

from support.checkout import ROOT

# The marks that a reader sees, too. (Not at the end of a command: zsh takes no comments there.)
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
        """Tell whether the first line says so."""
        return self.text.startswith(NEEDS_NETWORK)

    @property
    def goes_on(self):
        """Tell whether the first line says that its command has to be interrupted."""
        return self.text.startswith(UNTIL_CTRL_C)

    def commands(self):
        """List the commands, those of several lines whole."""
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
    """Copy the files that git knows to a new directory, as a clone would have them."""
    listed = subprocess.run(['git', 'ls-files', '-z'], cwd=ROOT, check=True, capture_output=True)
    for name in listed.stdout.decode().split('\0'):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target
