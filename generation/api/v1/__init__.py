"""The native REST API: jobs, profiles, and the document that describes them."""
