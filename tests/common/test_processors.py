import os

import pytest

from common import processors

FLAGS = """\
processor\t: 0
model name\t: AMD EPYC
flags\t\t: fpu {} avx2

processor\t: 1
flags\t\t: fpu
"""


@pytest.mark.parametrize(
    ('flag', 'abilities'),
    [
        ('amx_bf16', {'bfloat16'}),
        ('amx_int8', {'vnni'}),
        ('avx512_bf16', {'bfloat16'}),
        ('avx512_vnni', {'vnni'}),
        ('avx_vnni', {'vnni'}),
        ('avx512f', set()),
    ],
)
def test_abilities_are_read_from_the_flags(flag, abilities, tmp_path, monkeypatch):
    facts = tmp_path / 'cpuinfo'
    facts.write_text(FLAGS.format(flag))
    monkeypatch.setattr(processors, '_FACTS', str(facts))
    assert {name for name in ('bfloat16', 'vnni') if processors.have(name)} == abilities


def test_a_system_without_the_file_has_no_abilities(tmp_path, monkeypatch):
    monkeypatch.setattr(processors, '_FACTS', str(tmp_path / 'missing'))
    assert not processors.have('vnni')


def test_given_flags_replace_those_of_the_machine():
    assert processors.have('vnni', {'avx_vnni'})
    assert not processors.have('vnni', set())


LIMITS = {
    'none': ({}, 8),
    'no limit': ({'cpu.max': 'max 100000\n'}, 8),
    'more than there are': ({'cpu.max': '1600000 100000\n'}, 8),
    'two': ({'cpu.max': '200000 100000\n'}, 2),
    'half of one': ({'cpu.max': '50000 100000\n'}, 1),
    'version 1': ({'cpu/cpu.cfs_quota_us': '150000\n', 'cpu/cpu.cfs_period_us': '100000\n'}, 2),
    'version 1, no limit': (
        {'cpu/cpu.cfs_quota_us': '-1\n', 'cpu/cpu.cfs_period_us': '100000\n'},
        8,
    ),
    'damaged': ({'cpu.max': ''}, 8),
}


@pytest.mark.parametrize('case', LIMITS)
def test_the_limit_of_a_container_counts(tmp_path, monkeypatch, case):
    files, expected = LIMITS[case]
    (tmp_path / 'cpu').mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(processors, '_CONTROL_GROUPS', str(tmp_path))
    monkeypatch.setattr(os, 'sched_getaffinity', lambda _: set(range(8)), raising=False)
    assert processors.available() == expected


def test_results_of_threads_come_in_order_and_few_are_computed_in_advance():
    called = []
    results = processors.mapped(lambda item: called.append(item) or -item, range(1000), ahead=10)
    assert next(results) == 0
    assert len(called) <= 11
    assert list(results) == [-item for item in range(1, 1000)]
    assert sorted(called) == list(range(1000))


def test_an_error_in_a_thread_reaches_the_caller_and_ends_the_calls():
    called = []

    def call(item):
        called.append(item)
        return 1 / item

    with pytest.raises(ZeroDivisionError):
        list(processors.mapped(call, iter(range(1000)), ahead=10))
    assert len(called) <= 10
