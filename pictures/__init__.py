"""Bytes of pictures: their kinds and headers, and the gate that every picture passes first."""
