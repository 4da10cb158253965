"""Write the results of evaluations for TensorBoard."""

import io

import numpy as np
import tensorflow.compat.v1 as tf
from tensorboard.plugins.pr_curve import summary as pr_curve
from tensorboard.plugins.text import summary as text

from training import summaries
from training.evaluation import metrics, reports

# Each curve is a card in TensorBoard. With more classes, show those with the worst results.
_MOST_CURVES = 50
_MOST_DRAWN_COLOURS = 4096


class Events:
    """The event file of an eval_dir, open during a `with` block."""

    def __init__(self, directory):
        # The writer works only in a graph.
        with tf.Graph().as_default():
            self._writer = tf.summary.FileWriter(directory)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._writer.close()

    def add(self, evaluation, pictures):
        """Write the results and curves of an evaluation, and `pictures` by tag."""
        step = evaluation.checkpoint.step
        self._writer.add_summary(summaries.scalar_summary(evaluation.figures), step)
        shown = [_picture_value(tag, picture) for tag, picture in pictures.items()]
        self._writer.add_summary(tf.Summary(value=shown), step)
        for curve in _curves(evaluation):
            # The plugin has copies of TensorFlow's protocol buffers.
            self._writer.add_summary(curve.SerializeToString(), step)
        table = text.text_pb('eval/Classes', _class_table(evaluation))
        self._writer.add_summary(table.SerializeToString(), step)
        self._writer.flush()


def _picture_value(tag, picture):
    stream = io.BytesIO()
    # Photos as PNG would make the event file large, because it grows with every checkpoint.
    is_drawing = len(picture.getcolors(picture.width * picture.height)) < _MOST_DRAWN_COLOURS
    picture.save(stream, 'png' if is_drawing else 'jpeg', quality=85)
    image = tf.Summary.Image(
        width=picture.width,
        height=picture.height,
        colorspace=3,
        encoded_image_string=stream.getvalue(),
    )
    return tf.Summary.Value(tag=tag, image=image)


def _curves(evaluation):
    counted = evaluation.metrics
    names = reports.class_names(evaluation.info)
    positives, false_positives, negatives, false_negatives = counted.precision_recall_counts()
    present = counted.examples.nonzero()[0]
    worst_first = present[np.argsort(counted.by_class().f1[present], kind='stable')]
    for output in worst_first[:_MOST_CURVES].tolist():
        right, wrong = positives[output], false_positives[output]
        yield pr_curve.raw_data_pb(
            f'eval/PR_curves/{output + evaluation.info.labels_offset}',
            true_positive_counts=right,
            false_positive_counts=wrong,
            true_negative_counts=negatives[output],
            false_negative_counts=false_negatives[output],
            precision=right / (right + wrong).clip(min=1),
            recall=right / max(counted.examples[output], 1),
            num_thresholds=metrics.PR_THRESHOLDS,
            display_name=names[output],
        )


def _class_table(evaluation):
    """Return the classes as Markdown, because a browser has letters that a plot's font may lack."""
    rows = ['| label | class | precision | recall | F1 | count |', '|---|---|---|---|---|---|']
    for row in reports.as_json(evaluation)['classes']:
        figures = ('' if row[key] is None else f'{row[key]:.4f}' for key in _FIGURES)
        name = row['name'].replace('|', '\\|')
        rows.append(f'| {row["label"]} | {name} | {" | ".join(figures)} | {row["count"]} |')
    return '\n'.join(rows)


_FIGURES = ('precision', 'recall', 'f1')
