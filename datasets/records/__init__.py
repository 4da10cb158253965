"""Data sets on disk: TFRecord files, their manifest and labels, and everything that reads them."""
