"""The embedded model: a small SDXL whose weights travel with the code."""
