"""A storm over two workers, a web and their database, and the verdict on what it leaves."""
