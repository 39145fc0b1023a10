"""Reading images and annotations, and writing results: the only part of nuseg that knows about files."""
