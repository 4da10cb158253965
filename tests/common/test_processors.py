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
