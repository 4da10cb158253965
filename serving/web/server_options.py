"""The options of server.py."""

import dataclasses
import ipaddress
import logging
import os
import re
import shlex
import unicodedata

from classifiers import model_info
from common import processors
from common.checks import Range
from common.errors import UserError
from common.options import OptionError, Options, ProgramOptions, option, part
from pictures import decode_cost
from serving import early_checks
from serving.model.model_options import MODEL, ModelOptions, PredictorOptions, TopOptions
from serving.model.model_trial import MOST, TrialLimits

ADDRESS = 'Addresses and access'
LIMITS = 'Limits'
UPLOADS = 'Uploads and the log'

MEGABYTE = 2**20
_LEAST_DECODE_BYTES = 2**30
_LONGEST_TITLE = 200
_NOT_NEGATIVE = Range(0, MOST)
_POSITIVE = Range(0, MOST, open_low=True)
_COUNT = Range(1, MOST)


class _IpAddress:
    """Accept an IP address, or nothing."""

    def fault(self, name, value):
        """Return what the value must be, or None if it is valid."""
        try:
            if value:
                ipaddress.ip_address(value)
        except ValueError:
            return f'must be {self.describe()}'
        return None

    def describe(self):
        """Return the valid values in words."""
        return 'an IP address, such as 127.0.0.1'


class _Title:
    """Accept one line of text."""

    def fault(self, name, value):
        """Return what the value must be, or None if it is valid."""
        if len(value) > _LONGEST_TITLE or any(map(_is_control, value)):
            return f'must be {self.describe()}'
        return None

    def describe(self):
        """Return the valid values in words."""
        return f'one line of UTF-8 text of at most {_LONGEST_TITLE} characters'


@dataclasses.dataclass(frozen=True, kw_only=True)
class AppConfig(TopOptions):
    """The options of the web application."""

    name: str = 'model'  # The model's name in `/v1/models/NAME`.
    max_requests: int = 28  # Classified or waiting at the same time; more are answered with 503.
    max_decoders: int = dataclasses.field(default_factory=processors.available)
    is_loopback: bool = True  # Whether only this machine can reach the server.
    api_keys: tuple[str, ...] = ()

    title: str = option(MODEL, '', "The page's heading; by default the model's name.", _Title())
    trusted_hosts: tuple[str, ...] = option(
        ADDRESS, (), 'Host names that the server accepts, separated by commas.'
    )
    trusted_proxy: str = option(
        ADDRESS, '', 'The address of a proxy whose X-Forwarded-For is trusted.', _IpAddress()
    )
    rate_limit: int = option(
        ADDRESS, 0, 'Requests per minute from one address; 0 means any number.', _NOT_NEGATIVE
    )
    max_body_mb: float = option(LIMITS, 32.0, 'The largest request.', _POSITIVE)
    max_picture_mb: float = option(LIMITS, 20.0, 'The largest file of a picture.', _POSITIVE)
    max_megapixels: float = option(LIMITS, 25.0, 'The largest picture.', _POSITIVE)
    max_decode_mb: float | None = option(
        LIMITS,
        None,
        'Memory for decoded pictures; by default 1024, or as much as the largest one needs.',
        _COUNT,
    )
    max_files: int = option(LIMITS, 16, 'Pictures in one request.', _COUNT)
    deadline_secs: float = option(
        LIMITS, 60.0, 'Time from the first byte of a request to its answer.', _POSITIVE
    )
    upload_folder: str = option(
        UPLOADS, '', 'Keep copies of pictures here; by default none are kept.', is_path=True
    )
    upload_max_hours: float = option(UPLOADS, 24.0, 'Remove older copies.', _NOT_NEGATIVE)
    upload_max_mb: float = option(
        UPLOADS, 500.0, 'Remove the oldest copies above this size.', _NOT_NEGATIVE
    )

    def __post_init__(self):
        """Check the options."""
        super().__post_init__()
        if not re.fullmatch(r'[\w.-]+', self.name, re.ASCII):
            fault = 'must consist of letters, digits, ".", "-" and "_"'
            raise OptionError('served_name', self.name, fault)

    @property
    def max_body_bytes(self):
        """Return the size of the largest request."""
        return int(self.max_body_mb * MEGABYTE)

    @property
    def max_picture_bytes(self):
        """Return the size of the largest file of a picture."""
        return int(self.max_picture_mb * MEGABYTE)

    @property
    def max_pixels(self):
        """Return the number of pixels of the largest picture."""
        return int(self.max_megapixels * 1e6)

    @property
    def decode_bytes(self):
        """Return how much memory the decoded pictures of all requests may take together."""
        if self.max_decode_mb is not None:
            return int(self.max_decode_mb * MEGABYTE)
        return max(_LEAST_DECODE_BYTES, decode_cost.most(self.max_pixels) * 5 // 4)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListenOptions(Options):
    """The address of the server, and the limits on connections and threads."""

    host: str = option(ADDRESS, '127.0.0.1', '0.0.0.0 accepts requests from other machines.')
    port: int = option(ADDRESS, 5001, 'The port; 0 means any free one.', Range(0, 65535))
    idle_secs: float = option(LIMITS, 30.0, 'How long a connection may be idle.', _NOT_NEGATIVE)
    drain_secs: float = option(
        LIMITS, 60.0, 'Time to finish requests when the server is stopped.', _NOT_NEGATIVE
    )
    threads: int = option(LIMITS, 32, 'Requests answered at the same time.', _COUNT)
    max_connections: int = option(LIMITS, 256, 'Connections in all.', _COUNT)
    max_connections_per_address: int = option(LIMITS, 64, 'Connections per address.', _COUNT)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerOptions(ProgramOptions):
    """The options of server.py."""

    page = 'docs/serving.md'
    most_used = (
        'model_name', 'label_file', 'host', 'port', 'api_key_file', 'trusted_hosts',
        'upload_folder',
    )  # fmt: skip

    model: str = option(
        MODEL,
        'my_inception_v4_freeze.pb',
        'A frozen graph (.pb), its ONNX file (.onnx), a checkpoint, or a training directory.',
        is_path=True,
        name='model_name',
    )
    model_dir: str = option(
        MODEL, '', 'The directory of the model, if its name is not a path.', is_path=True
    )
    label_file: str | None = option(
        MODEL,
        None,
        'The class names; by default those in NAME.json or NAME.label beside the model.',
        is_path=True,
    )
    served_name: str | None = option(
        MODEL, None, "The model's name in /v1/models/NAME; by default its file's."
    )
    reload_secs: float = option(
        MODEL, 2.0, 'How often to look for a new model; 0 means never.', _NOT_NEGATIVE
    )
    trial: TrialLimits = part(TrialLimits)
    of_model: ModelOptions = part(ModelOptions, names={'model_name': 'network'})
    predictor: PredictorOptions = part(PredictorOptions)
    listen: ListenOptions = part(ListenOptions)
    of_app: AppConfig = part(AppConfig)
    api_key_file: str | None = option(
        ADDRESS,
        None,
        'A file of API keys, one per line; by default no key is required.',
        is_path=True,
    )
    debug: bool = option(UPLOADS, False, 'Log more. It starts no debugger.')

    def __post_init__(self):
        """Check the options, and the application options that are derived from them."""
        super().__post_init__()
        self.app_config()

    def check_files(self):
        """Raise a UserError unless the model and its label file exist."""
        early_checks.model(self.model_path, self.label_path)

    @property
    def model_path(self):
        """Return the path of the model."""
        path = os.path.join(self.model_dir, self.model) if self.model_dir else self.model
        if path.endswith(('.pb', '.onnx')) and not os.path.exists(path):
            raise self.mistake('model', f'there is no file {path}')
        return path

    @property
    def label_path(self):
        """Return the path of the label file: as given, else in --model_dir."""
        name = self.label_file
        if not name or not self.model_dir or os.path.exists(name):
            return name
        beside = os.path.join(self.model_dir, name)
        return beside if os.path.exists(beside) else name

    @property
    def model_options(self):
        """Return the options of the model, its files included."""
        return dataclasses.replace(
            self.of_model,
            path=self.model_path,
            label_file=self.label_path,
            network_flag='--network',
        )

    def app_config(self, api_keys=()):
        """Return the options of the application, with what follows from other options."""
        is_local = is_loopback(self.listen.host)
        # A server on 127.0.0.2 answers requests for that host.
        own_hosts = (self.listen.host,) if is_local else ()
        return dataclasses.replace(
            self.of_app,
            name=self.served_name or name_for(os.path.join(self.model_dir, self.model)),
            max_requests=self.listen.threads,
            is_loopback=is_local,
            trusted_hosts=(*self.of_app.trusted_hosts, *own_hosts),
            api_keys=api_keys,
        )


def name_for(path):
    """Return the name of a model in addresses: that of its file or directory."""
    name = os.path.basename(model_info.stem(os.path.normpath(path)))
    return re.sub(r'[^A-Za-z0-9_.-]', '_', name) or 'model'


def _is_control(letter):
    """Tell whether a character is a control character or an undecodable byte."""
    return unicodedata.category(letter) in ('Cc', 'Cs')


def is_loopback(host):
    """Tell whether only this machine can reach a server that listens on `host`."""
    if host == 'localhost':
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_keys(path):
    """Return the keys of a file, one per line; a line that begins with `#` is a comment."""
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
        raise UserError(f'--api_key_file={path}: contains no key; write one per line')
    if short := [key for key in keys if len(key) < 16]:
        raise UserError(
            f'--api_key_file={path}: a key has {len(short[0])} characters; it must have at least 16'
        )
    if not all(key.isascii() and key.isprintable() for key in keys):
        raise UserError(f'--api_key_file={path}: a key must consist of printable ASCII characters')
    return keys


def _warn_of_readers(path, mode):
    if os.name == 'posix' and mode & 0o077:
        message = '--api_key_file=%s: other users of this machine can read it; run chmod 600 %s'
        logging.getLogger('serving').warning(message, path, shlex.quote(str(path)))
