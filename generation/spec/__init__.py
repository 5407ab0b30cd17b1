"""The words that every other part shares: standard library only, and no settings."""
