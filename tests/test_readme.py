"""The commands, table and links of the README, and its translations.

The commands run in the README's order in a fresh copy of the checkout, with the .venv of this
checkout. The released weights come from a local folder of archives.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile

import pytest
import tensorflow.compat.v1 as tf

from classifiers import mismatches
from common.errors import UserError
from nets import nets_factory
from support.files import checkpoint_files, onnx_models, pictures, small_models
from support.shell import foreign_lines, readme
from support.shell.readme import ROOT
from support.shell.terminal import Terminal
from training import saving

PAGE = ROOT / 'README.md'
TRANSLATIONS = (ROOT / 'README.zh-CN.md', ROOT / 'README.ko.md')
# The output to wait for before Ctrl-C.
EXPECTED_OUTPUT = {
    'tail': r'global step \d+: loss',
    './scripts/run_eval.sh': r'accuracy \d+\.\d+% \(\d+ of 50 right\)',
    './scripts/tensorboard.sh': r'TensorBoard \S+ at http://\S+:6006/',
    './scripts/server.sh': r'No API key is required',
}
WEIGHTS = 'mobilenet_v1_0.50_160'


@pytest.fixture(scope='module')
def home(tmp_path_factory):
    """Return a home directory with a copy of the checkout and an archive of weights."""
    home = tmp_path_factory.mktemp('a home')
    readme.copy_checkout(home / 'slim classifier').joinpath('.venv').symlink_to(sys.prefix)
    write_archive(home / 'mirror')
    return home


def write_archive(mirror):
    """Write random weights in the form of a released archive."""
    info = small_models.describe('mobilenet_v1_050', 160, [f'class {i}' for i in range(1001)])
    checkpoint = mirror / 'content' / f'{WEIGHTS}.ckpt'
    checkpoint_files.write(checkpoint.parent, small_models.values(info), checkpoint.name)
    with tarfile.open(mirror / f'{WEIGHTS}_2017_06_14.tar.gz', 'w:gz', compresslevel=1) as archive:
        for path in checkpoint.parent.glob(f'{checkpoint.name}.*'):
            archive.add(path, f'./{path.name}')
    shutil.rmtree(checkpoint.parent)


def environment(home):
    """Return the environment variables of a new shell, and the folder of the archives."""
    inherited = {
        name: os.environ[name] for name in ('PATH', 'LANG', 'LC_ALL') if name in os.environ
    }
    users = foreign_lines.users_environment()
    switches = {name: value for name, value in users.items() if name.startswith('TF_')}
    places = {'HOME': home, 'UPLOAD_DIR': home / 'uploads', 'TMPDIR': home}
    places['SLIM_CHECKPOINT_MIRROR'] = home / 'mirror'
    return {**inherited, **switches, **{name: str(path) for name, path in places.items()}}


def typed_blocks(page=PAGE):
    """List the blocks to type: all but those that need the real network."""
    blocks = readme.blocks(page, 'bash')
    return [b for b in blocks if not b.needs_network or 'download_checkpoint' in b.text]


def type_block(terminal, block):
    """Type the commands of a block; interrupt a long one when its expected output has appeared."""
    for command in block.commands():
        if block.runs_until_interrupted:
            terminal.run_until(command, EXPECTED_OUTPUT[command.split()[0]])
            continue
        status, _ = terminal.run(command)
        assert status == 0, f'{command}\n{terminal.transcript}'


def type_all(home):
    """Type all commands in order, and return the text of the terminal."""
    checkout = home / 'slim classifier'
    try:
        with Terminal(checkout, environment(home)) as terminal:
            for block in typed_blocks():
                type_block(terminal, block)
        return terminal.transcript
    finally:
        # After a failure, the training in the background would never end.
        stop = [checkout / 'scripts' / 'stop_train.sh', f'--train_dir={train_dir_in(home)}']
        subprocess.run(stop, env=environment(home), check=False, timeout=120)


def train_dir_in(home):
    return home / 'train' / 'my_flower_5_mobilenet_v1_050'


# One test, because two processes with the same commands would use the same ports.
def test_all_commands_work_and_print_the_quoted_output(home):
    transcript = type_all(home)
    train_dir = train_dir_in(home)
    info = json.loads((train_dir / 'model.json').read_text())
    assert info['model_name'] == 'mobilenet_v1_050'
    assert info['image_size'] == 160
    assert info['weights_source'].endswith(f'{WEIGHTS}.ckpt')
    rows = (home / 'slim classifier' / 'roses.csv').read_text().splitlines()
    assert len(rows) == 1 + 100
    check_quoted_output(home, transcript)
    assert foreign_lines.list_foreign(transcript) == []
    assert foreign_lines.list_foreign((home / 'slim classifier' / 'output.log').read_text()) == []


def check_quoted_output(home, transcript):
    """Check that every quoted line was printed, except for its values."""
    text = transcript.replace(str(home / 'slim classifier'), '/home/me/slim')
    lines = {
        without_values(line) for line in re.split(r'[\r\n]', text.replace(str(home), '/home/me'))
    }
    quoted = [line for block in readme.blocks(PAGE, 'text') for line in block.text.splitlines()]
    assert len(quoted) > 30
    missing = [line for line in quoted if line != '...' and without_values(line) not in lines]
    assert not missing, transcript


def without_values(line):
    """Return a line without prompts, numbers and paths, which differ between runs."""
    line = re.sub(r"\x1b\[K|'|\[status \d+\] ", '', line)
    return ' '.join(re.sub(r'\d[\d.:,-]*', 'N', re.sub(r'/\S+', 'PATH', line)).split())


def test_quoted_error_messages_are_the_real_ones():
    shapes = [((1, 1, 2048, classes), tf.float32) for classes in (1000, 1001)]
    with pytest.raises(UserError) as background:
        mismatches.other_classes('resnet_v1_50.ckpt', 'resnet_v1_50/logits/weights', *shapes)
    page = PAGE.read_text(encoding='utf-8')
    for message, quotation in (
        (
            saving.DivergedError('the loss is nan', 3, 0.1),
            'the loss is nan at step 3, learning rate ',
        ),
        (
            background.value,
            ' 1000 classes in the checkpoint and 1001 in the network: pass --labels_offset=1',
        ),
    ):
        assert quotation in page
        assert quotation in str(message)


def test_the_code_runs(tmp_path, monkeypatch, capsys):
    onnx_models.write(tmp_path, 'my_mobilenet_v1_050_freeze')
    (tmp_path / 'rose.jpg').write_bytes(pictures.all_good()['baseline.jpg'].data)
    monkeypatch.chdir(tmp_path)
    blocks = readme.blocks(PAGE, 'python')
    assert blocks
    for block in blocks:
        exec(compile(block.text, f'{PAGE.name}:{block.line}', 'exec'), {})
    assert capsys.readouterr().out.strip() in onnx_models.CLASSES


@pytest.mark.parametrize('page', TRANSLATIONS, ids=lambda page: page.name)
def test_translations_have_the_same_commands(page):
    def typed(path):
        blocks = readme.blocks(path, 'bash')
        return [
            (block.needs_network, block.runs_until_interrupted, block.commands())
            for block in blocks
        ]

    assert typed(page) == typed(PAGE)
    output = [block.text for block in readme.blocks(page, 'text')]
    assert output == [block.text for block in readme.blocks(PAGE, 'text')]


@pytest.mark.parametrize('page', [PAGE, *TRANSLATIONS], ids=lambda page: page.name)
def test_links_lead_to_tracked_files(page, home):
    text = page.read_text(encoding='utf-8')
    links = [link for link in re.findall(r'\]\(([^)]+)\)', text) if '://' not in link]
    assert len(links) > 10
    for link in links:
        path, _, anchor = link.partition('#')
        assert (home / 'slim classifier' / (path or page.name)).is_file(), link
        assert not anchor or anchor in anchors(ROOT / (path or page.name)), link


def anchors(path):
    """List the anchors of the headings of a Markdown file."""
    headings = re.findall(r'^#+ (.+)$', path.read_text(encoding='utf-8'), re.MULTILINE)
    return [re.sub(r'[^\w -]', '', heading.lower()).replace(' ', '-') for heading in headings]


@pytest.mark.parametrize('page', [PAGE, *TRANSLATIONS], ids=lambda page: page.name)
def test_flags_exist(page):
    sources = [path for depth in ('', '*/', '*/*/') for path in ROOT.glob(f'{depth}*.py')]
    sources += ROOT.glob('scripts/*.sh')
    known = '\n'.join(
        path.read_text(encoding='utf-8') for path in sources if 'test' not in path.name
    )
    flags = set(re.findall(r'--(\w+)', page.read_text(encoding='utf-8')))
    assert len(flags) > 3
    for flag in flags - {'logdir'}:  # A flag of TensorBoard.
        names = {flag, flag.removeprefix('no')}
        assert any(re.search(rf'\b{name}\b', known) for name in names), f'--{flag}'


NETWORKS = ROOT / 'docs' / 'networks.md'
QUICK = ('lenet', 'cifarnet', 'mobilenet_v1_025', 'vgg_a')


def zoo_table():
    path = ROOT / 'docs' / 'generators' / 'zoo_table.py'
    spec = importlib.util.spec_from_file_location('zoo_table', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lines_of(page):
    return page.read_text(encoding='utf-8').splitlines()


@pytest.mark.parametrize(
    'name',
    [pytest.param(n, marks=() if n in QUICK else pytest.mark.soak) for n in nets_factory.MODELS],
)
def test_the_table_has_the_cost_of_each_network(name):
    assert zoo_table().row(name) in lines_of(NETWORKS)


def test_the_table_has_every_network():
    shown = re.findall(r'^\| `(\w+)` \| \d', NETWORKS.read_text(encoding='utf-8'), re.MULTILINE)
    assert shown == list(nets_factory.MODELS)


def test_the_pages_table_is_a_choice_of_it():
    shown = [line for line in lines_of(PAGE) if re.match(r'\| `\w+` \| \d', line)]
    assert [line.split('`')[1] for line in shown] == list(zoo_table().CHOSEN)
    assert set(shown) <= set(lines_of(NETWORKS))


def test_the_page_is_short():
    assert len(PAGE.read_text(encoding='utf-8').splitlines()) <= 300
    for picture in (ROOT / 'docs' / 'images').glob('*.png'):
        assert picture.stat().st_size < 200_000, picture
