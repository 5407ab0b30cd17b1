"""The REST doors, one folder a dialect; what all dialects share stands beside them."""
