"""How quick the queue is, measured on true processes and a PostgreSQL of its own."""
