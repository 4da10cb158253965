"""The ONNX files of a frozen graph, in float32 and in 8-bit integers."""
