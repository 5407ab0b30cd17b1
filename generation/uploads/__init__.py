"""Pictures that users send: read in a process of their own, kept as nothing but pixels."""
