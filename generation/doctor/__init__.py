"""What is well on this host and what is not, told to operators with what helps.

Each module looks at one kind of thing and yields findings. It changes nothing, starts nothing that
stays, and loads no torch: a child process tells what torch sees.
"""
