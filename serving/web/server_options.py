"""What a server is told: where it listens, whom it trusts, and what it takes at most."""

import dataclasses
import ipaddress
import logging
import os
import re
import shlex
import unicodedata

from common import processors, text
from common.errors import UserError
from pictures import decode_cost

MEGABYTE = 2**20
_LEAST_DECODE_BYTES = 2**30
_LONGEST_TITLE = 200
_MOST = 1e9  # The system's clocks and sizes end not far above.


@dataclasses.dataclass(frozen=True)
class AppConfig:
    """How the application answers; every limit has a value, 0 switches off where 0 is valid."""

    name: str = 'model'  # What `/v1/models/NAME` calls the model.
    title: str = ''  # What the page is headed with; else the name.
    num_top_predictions: int = 5
    max_body_mb: float = 32.0
    max_picture_mb: float = 20.0
    max_megapixels: float = 25.0  # As many as a photograph has.
    max_decode_mb: float | None = None  # For decoding, all requests together; else see below.
    max_files: int = 16
    deadline_secs: float = 60.0  # For the whole request, from its first byte to its answer.
    max_requests: int = 28  # Classified or waiting at a time; others are told to come back.
    max_decoders: int = dataclasses.field(default_factory=processors.available)  # At a time.
    is_loopback: bool = True  # Whether only this machine can reach the server.
    trusted_hosts: tuple[str, ...] = ()
    trusted_proxy: str = ''
    api_keys: tuple[str, ...] = ()
    rate_limit: int = 0  # Requests a minute from one address; 0: any number.
    upload_folder: str = ''
    upload_max_hours: float = 24.0
    upload_max_mb: float = 500.0

    @property
    def max_body_bytes(self):
        """Return how long the body of a request may be."""
        return int(self.max_body_mb * MEGABYTE)

    @property
    def max_picture_bytes(self):
        """Return how long the file of a picture may be."""
        return int(self.max_picture_mb * MEGABYTE)

    @property
    def max_pixels(self):
        """Return how many pixels a picture may have."""
        return int(self.max_megapixels * 1e6)

    @property
    def decode_bytes(self):
        """Return how much memory decoded pictures may take, in all requests together."""
        if self.max_decode_mb is not None:
            return int(self.max_decode_mb * MEGABYTE)
        return max(_LEAST_DECODE_BYTES, decode_cost.most(self.max_pixels) * 5 // 4)

    def __post_init__(self):
        """Check every number."""
        least = {'num_top_predictions': 1, 'max_files': 1, 'max_requests': 1, 'max_decoders': 1}
        for name in ('rate_limit', 'upload_max_hours', 'upload_max_mb'):
            least[name] = 0
        for name, lowest in least.items():
            check_number(name, getattr(self, name), lowest)
        for name in ('max_body_mb', 'max_picture_mb', 'max_megapixels', 'deadline_secs'):
            check_number(name, getattr(self, name), 0)
            if not getattr(self, name):
                raise UserError(f'--{name}=0: more than 0 is valid')
        if self.max_decode_mb is not None:
            check_number('max_decode_mb', self.max_decode_mb, 1)
        check_address('trusted_proxy', self.trusted_proxy)
        if not re.fullmatch(r'[\w.-]+', self.name, re.ASCII):
            raise UserError(f'--served_name={self.name}: letters, digits, ".", "-", "_" are valid')
        if len(self.title) > _LONGEST_TITLE or any(map(_is_control, self.title)):
            raise UserError(
                f'--title={text.printable(self.title)}: one line of UTF-8 text, '
                f'of at most {_LONGEST_TITLE} characters, is valid'
            )


@dataclasses.dataclass(frozen=True)
class ListenOptions:
    """Where the server listens, and how much of it one client may take."""

    host: str = '127.0.0.1'
    port: int = 5001
    threads: int = 32
    max_connections: int = 256
    max_connections_per_address: int = 64
    idle_secs: float = 30.0  # How long a connection may stay open without a request.
    drain_secs: float = 60.0  # How long answers may take once the server has been told to end.

    def __post_init__(self):
        """Check every number."""
        if not 0 <= self.port <= 65535:
            raise UserError(f'--port={self.port}: 0 (any free one) to 65535 are valid')
        for name in ('threads', 'max_connections', 'max_connections_per_address'):
            check_number(name, getattr(self, name), 1)
        for name in ('idle_secs', 'drain_secs'):
            check_number(name, getattr(self, name), 0)


def _is_control(letter):
    """Tell whether a letter is a control character, or half of one: a byte that is not UTF-8."""
    return unicodedata.category(letter) in ('Cc', 'Cs')


def check_number(flag, value, least):
    """Raise a UserError unless a number is from `least` on, and one that a clock can take."""
    if not least <= value <= _MOST:  # Written so, NaN is refused, too.
        raise UserError(f'--{flag}={value:.15g}: {least} to {_MOST:.0f} is valid')


def check_address(flag, text):
    """Raise a UserError unless `text` is empty or an IP address."""
    try:
        return text and ipaddress.ip_address(text)
    except ValueError:
        raise UserError(f'--{flag}={text}: an IP address is valid, 127.0.0.1 say') from None


def is_loopback(host):
    """Tell whether what listens on `host` can be reached from this machine alone."""
    if host == 'localhost':
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_keys(path):
    """Return the keys of a file, one a line; `#` begins a remark."""
    try:
        with open(path, encoding='utf-8-sig') as stream:  # Notepad marks its files.
            _warn_of_readers(path, os.fstat(stream.fileno()).st_mode)
            lines = [line.strip() for line in stream]
    except OSError as error:
        raise UserError(f'--api_key_file={path}: {error.strerror}') from None
    except UnicodeDecodeError:
        raise UserError(f'--api_key_file={path}: not UTF-8 text') from None
    keys = tuple(line for line in lines if line and not line.startswith('#'))
    if not keys:
        raise UserError(f'--api_key_file={path}: holds no key; one a line is valid')
    if short := [key for key in keys if len(key) < 16]:
        raise UserError(
            f'--api_key_file={path}: a key of {len(short[0])} letters is guessed easily; '
            'at least 16 are valid'
        )
    if not all(key.isascii() and key.isprintable() for key in keys):
        raise UserError(
            f'--api_key_file={path}: a key holds what the header of a request cannot; '
            'ASCII letters, digits and signs are valid'
        )
    return keys


def _warn_of_readers(path, mode):
    if os.name == 'posix' and mode & 0o077:
        message = '--api_key_file=%s: other users of this machine may read it; run chmod 600 %s'
        logging.getLogger('serving').warning(message, path, shlex.quote(str(path)))
