"""The names of the engines and number formats for frozen models."""

ENGINES = ('auto', 'onnx', 'tensorflow')
PRECISIONS = ('float32', 'bfloat16', 'int8', 'auto')
