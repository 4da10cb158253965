"""The bar of a terminal, and the lines that pass it."""

import io
from types import SimpleNamespace

import tensorflow.compat.v1 as tf

from training import hooks


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_shows_loss_rate_and_time_left_and_makes_way_for_the_log():
    stream = Terminal()
    with hooks.Bar(100, stream, clock=iter(range(100)).__next__) as bar:
        bar.show(51, 0.5, 12.0)
        tf.logging.warning('a line of the log')
        bar.show(52, 0.25, 12.0)
    shown = stream.getvalue().replace('\x1b[K', '').split('\r')
    assert any('Training: 52 of 100 (52%) steps' in part for part in shown)
    assert any('loss 0.2500, 12.0 images/s' in part and ' left' in part for part in shown)
    assert '' in shown
    assert stream.getvalue().endswith('\n')


def test_lines_come_with_their_steps_also_where_other_workers_step_in_between():
    logged = []
    writer = SimpleNamespace(add_scalars=lambda values, step: logged.append((step, values)))
    options = SimpleNamespace(log_every_n_steps=10)
    run = SimpleNamespace(options=options, images_per_step=4)
    step = SimpleNamespace(number=None, scalars={})
    now = iter(range(100))
    meter = hooks.Meter(step, run, writer, clock=lambda: next(now))
    meter.after_create_session(None, None)
    for number in (7, 9, 12, 19, 30):
        meter.before_run(None)
        results = {'global_step': number, 'total_loss': 1.0, 'input_wait_secs': 0.5}
        meter.after_run(None, SimpleNamespace(results=results))
    assert [step for step, _ in logged] == [12, 30]
    # Six steps of four pictures in three seconds, half of which was waiting.
    assert logged[0][1]['images_per_second'] == 8.0
    assert logged[0][1]['input_wait_share'] == 0.5
