"""Measure the conversion in pictures per second, and compare it with a plain TensorFlow loop.

    python -m benchmarks.convert --pictures=8000

The plain loop is typical code: one graph and one session decode each JPEG to check it and get its
size, and one TFRecordWriter writes the same records. The converter is the program itself, which
also splits, shuffles, hashes and syncs to disk. Every run is a separate process. The total time
includes the start of Python and TensorFlow. The rate is computed from the difference between a long
and a short run, and so is the CPU time per picture, which is more reliable while other programs
run.
"""

import argparse
import os
import tempfile

from benchmarks.support import pictures, programs

_FEW = 64
_SIZES = ((400, 300), (300, 400), (420, 310), (380, 280))
_CLASSES = ('daisy', 'roses', 'tulips')
_DRAWN = 400
_WAYS = (('plain loop', 0), ('converter, 1 process', 1), ('converter, 2 processes', 2))


def write_photographs(folder, count):
    """Write `count` different JPEGs of about 400x300 into class folders."""
    import numpy as np

    generator = np.random.default_rng(0)
    drawn = [
        pictures.draw_photograph(generator, *_SIZES[index % len(_SIZES)])
        for index in range(min(count, _DRAWN))
    ]
    for name in _CLASSES:
        os.makedirs(os.path.join(folder, name))
    for index in range(count):
        data = drawn[index % len(drawn)]
        # A different comment makes each file differ in content and size.
        text = b'%08d' % index * (1 + index // _DRAWN)
        comment = b'\xff\xfe' + (2 + len(text)).to_bytes(2, 'big') + text
        path = os.path.join(folder, _CLASSES[index % len(_CLASSES)], f'{index:06d}.jpg')
        with open(path, 'wb') as stream:
            stream.write(data[:2] + comment + data[2:])


def plain_loop(folder, output):
    """Decode and write in a plain TensorFlow loop."""
    import tensorflow.compat.v1 as tf

    from datasets.own import image_folder

    examples = image_folder.from_folder(*os.path.split(folder)).examples
    with tf.Graph().as_default(), tf.Session() as session:
        encoded = tf.placeholder(tf.string)
        decode = session.make_callable(tf.io.decode_jpeg(encoded), [encoded])
        with tf.io.TFRecordWriter(os.path.join(output, 'plain.tfrecord')) as writer:
            for example in examples:
                with open(example.path, 'rb') as stream:
                    data = stream.read()
                height, width, _ = decode(data).shape
                writer.write(_record(tf, example, data, height, width))


def _record(tf, example, data, height, width):
    def integer(value):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    def text(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    feature = {
        'image/encoded': text(data),
        'image/format': text(b'jpeg'),
        'image/height': integer(height),
        'image/width': integer(width),
        'image/class/label': integer(example.label),
        'image/class/text': text(_CLASSES[example.label].encode()),
        'image/filename': text(example.filename.encode()),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def command(folder, output, num_processes):
    """Return the command that converts `folder` into `output`: the program, or the plain loop."""
    if not num_processes:
        code = f'from benchmarks import convert; convert.plain_loop({folder!r}, {output!r})'
        return '-c', code
    os.symlink(folder, os.path.join(output, 'photographs'))
    flags = [f'--dataset_dir={output}', f'--num_threads={num_processes}']
    program = 'download_and_convert_data.py'
    return program, '--dataset_name=photographs', *flags


def measure(folder, num_processes):
    """Return the wall time and the CPU time of a command in seconds."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(folder)) as output:
        used = programs.run(*command(folder, output, num_processes))
        return used.seconds, used.processor_seconds


def best(folder, num_processes, repeats):
    """Return the shortest times of several runs."""
    runs = [measure(folder, num_processes) for _ in range(repeats)]
    return [min(times) for times in zip(*runs, strict=True)]


def compare(pictures, repeats, directory):
    """Print the table."""
    many, few = (os.path.join(directory, name) for name in ('many', 'few'))
    write_photographs(many, pictures)
    write_photographs(few, _FEW)
    print(f'{pictures:,} pictures, {os.cpu_count()} processors, best of {repeats}\n')
    print('| | whole run | pictures/s | ratio | once running | ratio | CPU ms a picture |')
    print('|---|---|---|---|---|---|---|')
    plain = None
    for name, num_processes in _WAYS:
        whole, whole_used = best(many, num_processes, repeats)
        start, start_used = best(few, num_processes, repeats)
        rates = pictures / whole, (pictures - _FEW) / (whole - start)
        used = 1000 * (whole_used - start_used) / (pictures - _FEW)
        plain = plain or rates
        ratios = [rate / base for rate, base in zip(rates, plain, strict=True)]
        print(
            f'| {name} | {whole:.1f} s | {rates[0]:,.0f} | {ratios[0]:.2f} | {rates[1]:,.0f} |'
            f' {ratios[1]:.2f} | {used:.2f} |',
            flush=True,
        )


def main():
    """Read the flags, and compare in a temporary directory."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--pictures', type=int, default=8000)
    parser.add_argument('--repeats', type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        compare(arguments.pictures, arguments.repeats, directory)


if __name__ == '__main__':
    main()
