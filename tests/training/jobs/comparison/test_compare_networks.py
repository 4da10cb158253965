"""compare_networks.sh in this process: what is measured again, the table, the CSV and the plot."""

import csv
import os
import sys

import pytest
from PIL import Image

from training.evaluation import fonts
from training.jobs import programs
from training.jobs.command_line import Call
from training.jobs.commands import compare_networks
from training.jobs.comparison import plot, results
from training.jobs.comparison.results import Result

# Stands in for the process that measures a network.
WORKER = """
import json, os, sys
request, path = json.loads(sys.argv[1]), sys.argv[2]
with open(os.environ['CALLS'], 'a') as stream:
    print(request['network'], file=stream)
if request['network'] == os.environ.get('FAILS'):
    sys.exit('error: no memory')
row = {'name': request['name'], 'network': request['network'], 'checkpoint': '',
       'image_size': 28, 'features': 9, 'pictures': 60, 'folds': 5, 'log_loss': 0.5,
       'standard_error': 0.05, 'accuracy': len(request['network']) / 20,
       'milliseconds': 1.0 + len(request['network']), 'megabytes': 2.0}
with open(path, 'w') as stream:
    json.dump(row, stream)
"""


class Comparison:
    """Compares networks with random weights on records that only have names."""

    def __init__(self, folder, monkeypatch, capsys):
        self.data, self.output = folder / 'the data', folder / 'the results'
        self.data.mkdir()
        for split in ('train', 'validation'):
            (self.data / f'pets_{split}_00000-of-00001.tfrecord').touch()
        self._calls = folder / 'calls'
        monkeypatch.setenv('CALLS', str(self._calls))
        monkeypatch.setenv('DATASET_DIR', str(self.data))
        monkeypatch.setattr(programs, 'function', self._function)
        self._capsys = capsys

    def _function(self, module, name, *arguments):
        assert (module, name) == ('training.jobs.comparison.worker', 'run')
        return [sys.executable, '-c', WORKER, *arguments]

    def __call__(self, *typed):
        """Run the command, and return its output."""
        self._calls.write_text('')
        typed = ('pets', *typed, '--random', f'--output_dir={self.output}')
        call = Call('compare_networks', 'scripts/compare_networks.sh', typed)
        try:
            compare_networks.main(call)
        finally:
            self.text = self._capsys.readouterr().out
        return self.text

    def measured(self):
        return self._calls.read_text().split()


@pytest.fixture
def compare(tmp_path, monkeypatch, capsys):
    return Comparison(tmp_path, monkeypatch, capsys)


def test_the_most_accurate_comes_first(compare):
    text = compare('lenet', 'cifarnet')
    assert text.splitlines()[-6:-3] == [
        'network            pixels     accuracy      ms/picture     MB',
        'cifarnet (random)      28   40.0% ± 5.0%           9.0    2.0',
        'lenet (random)         28   25.0% ± 5.0%           6.0    2.0',
    ]
    with open(compare.output / 'comparison.csv', encoding='utf-8') as stream:
        rows = list(csv.DictReader(stream))
    assert [row['network'] for row in rows] == ['cifarnet', 'lenet']
    assert rows[0] | {'accuracy': '0.4', 'milliseconds': '9.0', 'pictures': '60'} == rows[0]
    with Image.open(compare.output / 'comparison.png') as picture:
        assert picture.width > 800


def test_a_stopped_comparison_is_resumed(compare, monkeypatch):
    monkeypatch.setenv('FAILS', 'lenet')
    with pytest.raises(SystemExit) as end:
        compare('cifarnet', 'lenet', 'alexnet_v2')
    # One that fails does not keep the others from being measured.
    assert end.value.code == 1
    assert compare.measured() == ['cifarnet', 'lenet', 'alexnet_v2']
    assert 'alexnet_v2 (random)      28' in compare.text
    monkeypatch.delenv('FAILS')
    text = compare('cifarnet', 'lenet', 'alexnet_v2')
    assert compare.measured() == ['lenet']
    assert text.count('(measured before)') == 2
    assert compare('lenet', 'cifarnet').count('(measured before)') == 2
    assert sorted(path.name for path in compare.output.iterdir()) == [
        'comparison.csv',
        'comparison.png',
        'results.json',
    ]


def test_other_pictures_are_measured_anew(compare):
    compare('lenet')
    os.utime(compare.data / 'pets_train_00000-of-00001.tfrecord', (0, 0))
    compare('lenet')
    assert compare.measured() == ['lenet']


def result(name, accuracy, milliseconds):
    return Result(name, name, '', 224, 1024, 60, 5, accuracy, 0.01, 0.5, milliseconds, 20.0)


def test_networks_that_others_beat_in_both_are_told_from_the_rest():
    named = {
        name: result(name, *figures)
        for name, figures in {
            'best': (0.9, 50), 'slow': (0.8, 60), 'fast': (0.8, 10), 'equal': (0.8, 20),
            'worst': (0.5, 1),
        }.items()
    }  # fmt: skip
    ranked = results.ranked(named.values())
    assert [each.name for each in ranked] == ['best', 'fast', 'equal', 'slow', 'worst']
    found = results.fastest_of_their_accuracy(ranked)
    assert [each.name for each in found] == ['best', 'fast', 'worst']


BLUE, GREY = (0, 114, 178), (120, 120, 120)


def count_pixels(picture):
    """Return {colour: number of pixels}."""
    return {colour: count for count, colour in picture.getcolors(1 << 16)}


def test_the_plot_has_a_point_for_each_network():
    font = fonts.choose_font(['a network'], range(1))
    one = plot.accuracy_against_time([result('a', 0.9, 5.0)], font, 'pets')
    both = [result('a', 0.9, 5.0), result('b', 0.8, 50.0)]
    two = plot.accuracy_against_time(both, font, 'pets')
    added = count_pixels(two)[GREY] - count_pixels(one).get(GREY, 0)
    disc = 3.14 * plot.RADIUS**2
    assert count_pixels(one)[BLUE] > disc
    assert added > disc


def test_the_plot_has_room_for_any_scale_and_number_of_networks():
    font = fonts.choose_font(['a network'], range(1))
    extremes = [result(f'network {n}', 1 - n / 39, 0.1 * 1.5**n) for n in range(40)]
    picture = plot.accuracy_against_time(results.ranked(extremes), font, 'pets')
    edge = [picture.getpixel((picture.width - 1, y)) for y in range(picture.height)]
    edge += [picture.getpixel((x, picture.height - 1)) for x in range(picture.width)]
    assert set(edge) == {(255, 255, 255)}
