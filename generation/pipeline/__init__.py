"""Prompt to picture, stage by stage: encode, denoise, decode, write. Knows torch and no Django.

Importing it turns down the notices that transformers prints while it is imported, unless
TRANSFORMERS_VERBOSITY is set; hence it comes before every library import of its modules.
"""

import os

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
