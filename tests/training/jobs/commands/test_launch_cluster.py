"""scripts/launch_cluster.sh: which processes are started with what, and how all of them end."""

import signal

import pytest

from support.shell import script_checkout

# Stands in for train_image_classifier.py.
PROGRAM = """
import signal, sys, time
def stopped(*_):
    print('asked to stop', flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, stopped)
print(' '.join(sys.argv[1:]), flush=True)
text = ' '.join(sys.argv)
if '--fail' in text and '--job_name=worker --task=0' in text:
    sys.exit('error: no such data set')
if '--break' in text and '--job_name=worker --task=1' in text:
    sys.exit('error: no more memory')
if '--hang' in text or '--fail' in text:
    time.sleep(600)
"""


@pytest.fixture
def checkout(tmp_path):
    checkout = script_checkout.Checkout(tmp_path)
    (checkout.root / 'train_image_classifier.py').write_text(PROGRAM)
    checkout.environment['SLIM_CLUSTER_LOGS'] = str(checkout.here / 'the logs')
    return checkout


def launch(checkout, *arguments):
    return checkout.start('launch_cluster.sh', *arguments, text=True)


def logs(checkout):
    return {path.name: path.read_text() for path in (checkout.here / 'the logs').iterdir()}


def test_a_server_and_the_workers_get_their_places_and_the_flags(checkout):
    process = launch(checkout, '2', '--train_dir=a b', '--max_number_of_steps=3')
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, '')
    found = logs(checkout)
    assert sorted(found) == ['cluster_ps_0.log', 'cluster_worker_0.log', 'cluster_worker_1.log']
    for name, text in found.items():
        _, job, task = name.removesuffix('.log').split('_')
        begin = (
            f'--train_dir=a b --max_number_of_steps=3 --job_name={job} --task={task} --ps_hosts='
        )
        assert text.startswith(begin)
        assert str(checkout.here / 'the logs' / name) in output
    places = {text.split(' --ps_hosts=')[1] for text in found.values()}
    assert len(places) == 1
    addresses = places.pop().replace(' --worker_hosts=', ',').split(',')
    assert len(set(addresses)) == 3


def test_when_the_chief_fails_the_others_are_stopped(checkout):
    process = launch(checkout, '2', '--fail')
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert 'worker 0 failed: error: no such data set' in errors


def test_a_stop_reaches_everyone(checkout):
    process = launch(checkout, '1', '--hang')
    while not (checkout.here / 'the logs' / 'cluster_worker_0.log').exists() or not all(
        logs(checkout).values()
    ):
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert all(text.endswith('asked to stop\n') for text in logs(checkout).values())


def test_a_worker_that_fails_is_an_error_without_a_stop(checkout):
    process = launch(checkout, '2', '--break')
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    logs = checkout.here / 'the logs'
    assert errors == f'a process failed; its log says why: {logs}/cluster_*.log\n'


@pytest.mark.parametrize('arguments', [[], ['0'], ['--train_dir=x']])
def test_without_a_number_of_workers_one_line_says_what_is_missing(checkout, arguments):
    process = launch(checkout, *arguments)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith(f"error: '{arguments[0] if arguments else ''}': the first argument")
    assert errors.count('\n') == 1
