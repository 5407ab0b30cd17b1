"""Getting a model's weights: from the Hugging Face hub, its local cache, or a folder.

Knows neither Django nor torch. What was got is recorded by spec.installation; loading it is the
pipeline's.
"""
