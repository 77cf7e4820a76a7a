"""all-MiniLM-L6-v2 in ONNX, int8. Instar reads the files beside this one; there is nothing to call."""
