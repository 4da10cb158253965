"""Quantize ONNX models to 8-bit integers, and measure what that changes. No TensorFlow."""
