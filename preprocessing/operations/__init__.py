"""What the recipes are made of: resizing, windows, colours and random numbers."""
