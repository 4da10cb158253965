"""Users' own pictures: class folders and lists."""
