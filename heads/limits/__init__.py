"""What a trained classifier does not know: its temperature, and pictures of none of its classes."""
