"""Compel's weighting syntax, as far as it must be understood before a prompt is accepted."""


def nesting_depth(prompt: str) -> int:
    """The deepest level of open parentheses, in linear time.

    A parenthesis behind a backslash is plain text. One that is never closed counts:
    Compel's parser backtracks over it all the same.
    """
    depth = deepest = 0
    escaped = False
    for character in prompt:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == "(":
            depth += 1
            deepest = max(deepest, depth)
        elif character == ")":
            depth = max(0, depth - 1)
    return deepest
