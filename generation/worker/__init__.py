"""The supervisor of one GPU's django-q2 cluster."""
