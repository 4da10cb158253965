"""The programs that run a model: TensorFlow and ONNX Runtime, behind one interface."""
