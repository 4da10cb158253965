"""Decode pictures with TensorFlow for the gate, outside of any graph."""

from pictures.kinds import BadImage


class TensorFlowDecoder:
    """Implement `pictures.decoder.Decoder`; TensorFlow is loaded by the first call."""

    def jpeg_size(self, data):
        """Return the (height, width) of a JPEG."""
        shape = _run(lambda tf: tf.io.extract_jpeg_shape(data), 'truncated or damaged JPEG')
        return tuple(shape[:2].tolist())

    def decode_jpeg(self, data, ratio):
        """Return the pixels of a JPEG, reduced by `ratio`."""
        return _run(lambda tf: tf.io.decode_jpeg(data, ratio=ratio), 'truncated or damaged JPEG')

    def decode_png(self, data, channels):
        """Return the 8-bit pixels of a PNG with this number of channels."""
        return _run(
            lambda tf: tf.io.decode_png(data, channels=channels), 'truncated or damaged PNG'
        )

    def decode_webp(self, data):
        """Return the pixels of a still WebP.

        Pillow would need twice the memory and block all other threads.
        """
        return _run(lambda tf: tf.io.decode_webp(data), 'damaged WebP')[0]


def _run(operation, complaint):
    """Run one operation now, even if the caller builds a graph or has disabled eager mode."""
    import tensorflow as tf

    try:
        with tf.init_scope():
            if tf.executing_eagerly():
                return operation(tf).numpy()
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            return session.run(operation(tf))
    except tf.errors.OpError:
        raise BadImage(complaint) from None
