"""Prompt to picture, stage by stage: encode, denoise, decode, write. Knows torch and no Django.

Importing it sets what its libraries read while they are imported; hence it comes before every
library import of its modules. A value that the operator has set stays:

TRANSFORMERS_VERBOSITY, DIFFUSERS_VERBOSITY: no notices about optional packages and precisions.
PYTORCH_CUDA_ALLOC_CONF: segments that grow, so that freed memory of one size serves another.
DIFFUSERS_DISABLE_REMOTE_CODE: no code out of a model's folder is ever run.
"""

import os

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
os.environ.setdefault("DIFFUSERS_DISABLE_REMOTE_CODE", "1")
