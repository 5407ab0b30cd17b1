"""How the miniature's weights come to be: one module a part, all run by the same loop."""
