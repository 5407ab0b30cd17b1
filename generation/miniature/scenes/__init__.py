"""Procedural pictures of the miniature's world: drawn by lot, painted, captioned."""
