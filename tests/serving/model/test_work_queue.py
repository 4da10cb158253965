"""The queue before the model: bounded, fair, and nobody waits for ever."""

import contextlib
import threading

import pytest

from pictures.kinds import BadImage
from serving.model.work_queue import BusyError, ClosedError, ExpiredError, WorkQueue


class Model:
    """Stands in for a model: doubles numbers, and works only while its gate is open."""

    def __init__(self, is_open=True):
        self.gate = threading.Event()
        self.started = threading.Event()
        self.batches = []
        if is_open:
            self.gate.set()

    def run(self, pictures):
        self.started.set()
        assert self.gate.wait(30)
        self.batches.append(list(pictures))
        if 'bad' in pictures:
            raise RuntimeError('a bad one')
        return [2 * picture for picture in pictures]


def in_thread(function, *arguments):
    """Run a call in a thread; return (thread, list that gets its result or its error)."""
    results = []

    def call():
        try:
            results.append(function(*arguments))
        except Exception as error:
            results.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    return thread, results


def until(condition):
    """Wait, without a fixed time, for what other threads bring about."""
    waiting = threading.Event()
    for _ in range(3000):
        if condition():
            return
        waiting.wait(0.01)
    pytest.fail('it never came about')


def test_results_come_in_the_order_of_the_pictures():
    queue = WorkQueue(Model().run, num_threads=3)
    assert queue.submit(list(range(20))) == list(range(0, 40, 2))
    assert queue.submit([]) == []
    queue.close()


def test_waiting_pictures_are_joined_up_to_the_limit():
    model, seen = Model(is_open=False), []
    queue = WorkQueue(model.run, 1, max_batch_size=4, observe=lambda size, _: seen.append(size))
    first, _ = in_thread(queue.submit, [1])
    assert model.started.wait(30)
    others = [in_thread(queue.submit, [number]) for number in range(6)]
    until(lambda: queue.waiting == 6)
    assert queue.running == 1
    model.gate.set()
    for thread, _ in [(first, None), *others]:
        thread.join()
    queue.close()
    assert seen == [1, 4, 2]
    assert [results for _, results in others] == [[[2 * number]] for number in range(6)]
    assert queue.running == 0


def test_a_run_waits_for_company_and_starts_when_it_is_complete():
    model = Model()
    queue = WorkQueue(model.run, 2, max_batch_size=2, batch_wait_secs=60)
    pair = [in_thread(queue.submit, [number]) for number in (1, 2)]
    for thread, _ in pair:
        thread.join()
    assert sorted(*model.batches) == [1, 2]
    queue.close()


def test_past_the_bound_requests_are_refused_whole():
    model = Model(is_open=False)
    queue = WorkQueue(model.run, 1, max_waiting=3)
    accepted = [in_thread(queue.submit, [0])]
    assert model.started.wait(30)
    accepted.append(in_thread(queue.submit, [1, 2]))
    until(lambda: queue.waiting == 2)
    with pytest.raises(BusyError) as refusal:
        queue.submit([3, 4])
    assert refusal.value.retry_after_secs >= 1
    assert queue.waiting == 2
    model.gate.set()
    for thread, _ in accepted:
        thread.join()
    assert [results for _, results in accepted] == [[[0]], [[2, 4]]]
    # A request larger than the bound is served when nobody waits.
    assert len(queue.submit(list(range(9)))) == 9
    queue.close()


def test_clients_take_turns_and_none_fills_the_queue():
    model = Model(is_open=False)
    queue = WorkQueue(model.run, 1, max_waiting=8)
    asked = [in_thread(queue.submit, [0], None, 'greedy')]
    assert model.started.wait(30)
    asked.append(in_thread(queue.submit, [1, 2, 3, 4], None, 'greedy'))
    until(lambda: queue.waiting == 4)
    with pytest.raises(BusyError):
        queue.submit([5], None, 'greedy')
    asked.append(in_thread(queue.submit, [6, 7], None, 'modest'))
    until(lambda: queue.waiting == 6)
    model.gate.set()
    for thread, _ in asked:
        thread.join()
    queue.close()
    assert model.batches == [[0], [1], [6], [2], [7], [3], [4]]


def test_a_request_whose_time_is_over_is_withdrawn():
    model = Model(is_open=False)
    queue = WorkQueue(model.run, 1)
    thread, first = in_thread(queue.submit, [1])
    assert model.started.wait(30)
    with pytest.raises(ExpiredError):
        queue.submit([2, 3], timeout_secs=0.01)
    assert queue.waiting == 0
    model.gate.set()
    thread.join()
    assert first == [[2]]
    assert queue.submit([5]) == [10]
    assert model.batches == [[1], [5]]
    queue.close()


@pytest.mark.parametrize('ends_by', ['its time', 'an error'])
def test_a_request_ends_after_its_pictures_that_run(ends_by):
    """Its memory is given back then, and a run uses it to its end."""
    began, may_end = threading.Semaphore(0), threading.Event()

    def run(pictures):
        if pictures == ['bad']:
            raise RuntimeError('a bad one')
        began.release()
        assert may_end.wait(30)
        return pictures

    queue = WorkQueue(run, num_threads=2)
    pictures = ['a', 'b', 'c'] if ends_by == 'its time' else ['a', 'bad', 'c']
    timeout_secs = 0.3 if ends_by == 'its time' else None
    thread, results = in_thread(queue.submit, pictures, timeout_secs)
    assert began.acquire(timeout=30)
    until(lambda: not queue.waiting)
    thread.join(0.1)
    assert thread.is_alive()
    may_end.set()
    thread.join(30)
    assert isinstance(results[0], ExpiredError if ends_by == 'its time' else RuntimeError)
    queue.close()


def test_a_run_that_gives_too_few_rows_is_an_error():
    queue = WorkQueue(lambda pictures: [], num_threads=1)
    with pytest.raises(ValueError, match='shorter'):
        queue.submit(['a', 'b'], timeout_secs=30)
    queue.close()


def test_an_error_reaches_only_the_request_that_caused_it():
    model = Model(is_open=False)
    queue = WorkQueue(model.run, 1, max_batch_size=8)
    first, _ = in_thread(queue.submit, [0])
    assert model.started.wait(30)
    good, good_result = in_thread(queue.submit, [1, 2])
    bad, bad_result = in_thread(queue.submit, [3, 'bad'])
    until(lambda: queue.waiting == 4)
    model.gate.set()
    for thread in (first, good, bad):
        thread.join()
    assert good_result == [[2, 4]]
    assert str(bad_result[0]) == 'a bad one'
    queue.close()


def test_a_picture_that_the_model_refuses_is_refused_alone():
    def run(pictures):
        if 'bad' in pictures:
            raise BadImage('the model cannot read this picture')
        return pictures

    queue = WorkQueue(run, 1, max_batch_size=4)
    first, bad, last = queue.submit(['a', 'bad', 'b'])
    assert (first, str(bad), last) == ('a', 'the model cannot read this picture', 'b')
    queue.close()


def test_closing_answers_what_was_accepted_and_refuses_the_rest():
    model = Model(is_open=False)
    queue = WorkQueue(model.run, 2)
    asked = [in_thread(queue.submit, [number, number]) for number in range(4)]
    until(lambda: queue.waiting + queue.running == 8)
    closing, _ = in_thread(queue.close)
    until(lambda: queue._is_closed)
    with pytest.raises(ClosedError):
        queue.submit([1])
    model.gate.set()
    closing.join()
    for thread, _ in asked:
        thread.join()
    assert [results for _, results in asked] == [[[2 * n, 2 * n]] for n in range(4)]


def test_a_picture_that_need_not_wait_is_run_by_its_caller():
    callers = []

    def run(pictures):
        callers.append(threading.current_thread())
        return pictures

    queue = WorkQueue(run, num_threads=1)
    assert queue.submit(['one']) == ['one']
    assert queue.submit(['two', 'three']) == ['two', 'three']
    queue.close()
    assert callers[0] is threading.current_thread()
    assert threading.current_thread() not in callers[1:]


def test_callers_and_threads_share_the_places():
    model = Model(is_open=False)
    queue = WorkQueue(model.run, num_threads=1)
    first, first_results = in_thread(queue.submit, [1])
    until(lambda: queue.running == 1)
    second, second_results = in_thread(queue.submit, [2])
    until(lambda: queue.waiting == 1)
    closing, _ = in_thread(queue.close)
    assert (queue.running, queue.waiting) == (1, 1)
    model.gate.set()
    for thread in (first, second, closing):
        thread.join()
    assert (first_results, second_results) == ([[2]], [[4]])
    assert (queue.running, queue.waiting) == (0, 0)


def test_whoever_has_little_time_does_not_run_the_model_himself():
    callers = []

    def run(pictures):
        callers.append(threading.current_thread())
        return pictures

    queue = WorkQueue(run, num_threads=1)
    queue.submit([1])  # Now the time of a run is known.
    with contextlib.suppress(ExpiredError):
        queue.submit([2], timeout_secs=1e-9)
    queue.close()
    assert threading.current_thread() not in callers[1:]
