"""What the evaluating program refuses, and that nothing is lost by it."""

import numpy as np
import pytest

from common import locks
from common.errors import UserError
from support.evaluations import INFO
from support.files import checkpoint_files, classifier_files


@pytest.mark.parametrize(
    ('typed', 'message'),
    [
        ({'model_name': 'cifarnet'}, r'--model_name=cifarnet contradicts .*model.json.* lenet'),
        ({'labels_offset': 1}, r'--labels_offset=1 contradicts .*model.json.* 0'),
        ({'dataset_dir': None}, r'^--dataset_dir is missing'),
        ({'dataset_dir': '/nowhere'}, r'^/nowhere: no such directory'),
        ({'checkpoint_path': '/nowhere/model.ckpt-1'}, r'^/nowhere/model.ckpt-1: no such'),
    ],
)
def test_what_cannot_be_meant_is_an_error_that_names_both_values(program, typed, message):
    program.save()
    with pytest.raises(UserError, match=message):
        program.run(**typed)


def test_other_class_names_are_an_error(tmp_path, program):
    data = classifier_files.write_data(tmp_path / 'other', [0, 1, 2], names=['a', 'b', 'c'])
    program.save()
    with pytest.raises(UserError, match=r"class 0 is 'a' in the data set and 'class_0' in"):
        program.run(dataset_dir=str(data))


def test_an_eval_dir_that_cannot_be_used_is_a_clear_error(program, tmp_path):
    program.save()
    (tmp_path / 'file').write_text('in the way')
    with pytest.raises(UserError, match=r'^--eval_dir=.*file: cannot be created'):
        program.run(eval_dir=str(tmp_path / 'file'))
    program.eval_dir.mkdir()
    with locks.Lock(program.eval_dir / '.evaluation.lock', 'busy'):
        with pytest.raises(UserError, match=r'^--eval_dir=.*: another evaluation is using it'):
            program.run()
    (program.eval_dir / 'metrics.csv').write_text('a,b\n1,2\n')
    with pytest.raises(UserError, match=r'metrics\.csv: not the metrics.csv of an evaluation'):
        program.run()


def test_a_failed_pass_leaves_the_earlier_results_whole(program):
    program.save()
    program.run()
    results = [path for path in program.eval_dir.glob('[!.e]*') if path.is_file()]
    before = {path.name: path.read_bytes() for path in results}
    values = classifier_files.values(INFO)
    values['LeNet/fc4/biases'][:] = np.nan
    checkpoint_files.write(str(program.train_dir), values, step=2)
    with pytest.raises(UserError, match='not finite numbers'):
        program.run()
    assert len(before) == 5
    for name, content in before.items():
        assert (program.eval_dir / name).read_bytes() == content
    assert not list(program.eval_dir.glob('.*.part'))
