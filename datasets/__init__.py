"""What the pictures are, and how they lie on disk as verified records."""
